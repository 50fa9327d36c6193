import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Suite } from '../suite.js';
import { send } from '../traffic.js';

/** Whether a wait keeps its process alive, seen from outside. */
export function liveness({ it }: Suite): void {
  it('a process with a pending wait lives on, and ends by itself after unref', async (stage) => {
    const released = await stage.client('process');
    await released.peer.call('idle', { ref: false, exitCode: 7 });
    const exit = await stage.within(released.peer.exited, 'the process without ref to end');
    assert.deepEqual(exit, { code: 0, signal: null });

    const held = await stage.client('process');
    await held.peer.call('idle', { ref: true, exitCode: 7 });
    // Long enough for a process that nothing keeps alive to end; the code tells which of the two ended it.
    await Promise.race([held.peer.exited, setTimeout(200)]);
    await send(held.link, 0, [1], stage.patienceMs);
    const woken = await stage.within(held.peer.exited, 'the process with ref to be woken');
    assert.deepEqual(woken, { code: 7, signal: null });
  });

  it('a process with a listener lives on, and ends by itself after unref', async (stage) => {
    const released = await stage.peer('process');
    await released.call('listen', { url: stage.remoteUrl() });
    await released.call('idleListener', { ref: false, exitCode: 7 });
    const exit = await stage.within(released.exited, 'the process without ref to end');
    assert.deepEqual(exit, { code: 0, signal: null });

    const held = await stage.peer('process');
    const url = await held.call('listen', { url: stage.remoteUrl() });
    await held.call('idleListener', { ref: true, exitCode: 7 });
    await Promise.race([held.exited, setTimeout(200)]);
    await stage.connect(url).catch(() => {});
    const woken = await stage.within(held.exited, 'the listening process to be woken');
    assert.deepEqual(woken, { code: 7, signal: null });
  });
}
