import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Transport } from '../../transport/contract.js';
import { loadTransport } from '../peer/self.js';
import { withLimit } from '../suite.js';
import { delivery, ending, listening, manifest, waiting } from './cases.js';
import type { NotificationTest } from './options.js';
import { NotificationStage } from './stage.js';

/**
 * As `testTransport`, for transports whose links are those of notifications (`delivery: 'coalesced'`): states every case
 * that such a one must pass to a test runner. Both ends are on the runner's thread.
 */
export function testNotifications(test: NotificationTest): void {
  const { capabilities } = test;
  // Others would otherwise be judged by less than they promise.
  if (capabilities.delivery !== 'coalesced')
    throw new RangeError(`delivery: this suite judges "coalesced" only, found "${capabilities.delivery}"`);
  if (capabilities.directions.join() !== 'send') throw new RangeError('directions: this suite judges "send" only');
  const { describe, it, afterAll } = test.runner;
  const patienceMs = test.patienceMs ?? 5000;
  let scratch: string | undefined;
  let transport: Promise<Transport> | undefined;
  let addresses = 0;

  async function run(body: (stage: NotificationStage) => Promise<void>): Promise<void> {
    const { url, name } = test.transport;
    transport ??= loadTransport({ url: String(url), name });
    scratch ??= mkdtempSync(join(tmpdir(), 'callgate-conformance-'));
    const folder = scratch;
    const descriptors = readdirSync('/proc/self/fd').length;
    const stage = new NotificationStage(await transport, () => test.address(folder, addresses++), patienceMs);
    try {
      await withLimit(body(stage), patienceMs * 2);
    } finally {
      await stage.clear();
    }
    assert.deepEqual(readdirSync(folder), [], 'files left behind');
    // Closing a descriptor that is watched takes a turn of the event loop.
    for (let turns = 0; turns < 100 && readdirSync('/proc/self/fd').length > descriptors; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(readdirSync('/proc/self/fd').length <= descriptors, 'descriptors left open');
  }

  describe(`${test.name} keeps the contract of notifications`, () => {
    for (const [name, theme] of Object.entries({ manifest, delivery, waiting, ending, listening })) {
      describe(name, () => {
        theme((promise, body) => it(promise, () => run(body)), test);
      });
    }
    afterAll(async () => {
      if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
    });
  });
}
