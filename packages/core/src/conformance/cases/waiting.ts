import assert from 'node:assert/strict';
import type { Suite } from '../suite.js';
import { expectMessages, send } from '../traffic.js';
import { liveness } from './liveness.js';
import { waitingToReceive } from './waiting-to-receive.js';
import { waitingToSend } from './waiting-to-send.js';

/** Waits of an event loop (`when…`): they end for the right reason, at the right time, and leave the loop alone. */
export function waiting(suite: Suite): void {
  const { it, ways, expected } = suite;
  for (const way of ways) {
    waitingToReceive(suite, way);
    waitingToSend(suite, way);
  }
  if (ways.length === 2) {
    it('waits to receive and to send at the same time, each by itself', async (stage) => {
      const { client, server } = await stage.pair();
      const count = await stage.fillFirmly(client, 0, 100);
      const readable = client.whenReadable(stage.patience);
      const writable = client.whenWritable(100, stage.patience);
      await send(server, 0, [10], stage.patienceMs);
      assert.equal(await stage.within(readable, 'whenReadable'), true);
      await expectMessages(client, 0, [10], stage.patienceMs);
      await expectMessages(server, 0, new Array(count).fill(100), stage.patienceMs);
      assert.equal(await stage.within(writable, 'whenWritable'), true);
    });
  }
  if (expected.reach.process) liveness(suite);
}
