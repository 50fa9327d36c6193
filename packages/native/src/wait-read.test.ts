import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { runScenario, startChild } from './testing/child.js';
import { socketPair } from './testing/sockets.js';
import { tcpPair } from './testing/tcp.js';

const addon = loadAddon();
const kinds = ['unix', 'tcp'];

interface Waited {
  readonly timeoutMs: number;
  readonly waited: number;
  readonly result: number;
}

test.each([
  ['unix', socketPair],
  ['tcp', tcpPair],
])('a read that finds something does not wait: %s', (_, newPair) => {
  using pair = newPair();
  addon.write(pair.client, Uint8Array.of(1, 2), 0, 2);
  const room = new Uint8Array(4);
  expect(addon.read(pair.server, room, 0, 4, Number.POSITIVE_INFINITY)).toBe(2);
  pair.client.close();
  expect(addon.read(pair.server, room, 0, 4, Number.POSITIVE_INFINITY)).toBe(0);
});

test.each(kinds)('a read that finds nothing waits as long as told, not less: %s', async (kind) => {
  const all = await runScenario<Waited[]>('wait-read.child', 'timeouts', { args: [kind] });
  expect(all.map(({ result }) => result)).toEqual(all.map(() => -1));
  for (const { timeoutMs, waited } of all) expect(waited).toBeGreaterThanOrEqual(timeoutMs);
});

test.each(kinds)('a read that shall not wait does not, on a socket whose reads have waited: %s', async (kind) => {
  expect(await runScenario('wait-read.child', 'still-tries', { args: [kind] })).toEqual([-1, -1]);
});

test('a read for ever ends with what comes, and with the end', async () => {
  expect(await runScenario('wait-read.child', 'for-ever')).toEqual([1, 7, 0]);
});

test.each(kinds)('a signal does not end a read that waits: %s', async (kind) => {
  const child = startChild('wait-read.child', ['signals', kind]);
  expect(await child.line()).toBe('waiting');
  for (let i = 0; i < 5; i += 1) {
    child.kill('SIGSTOP');
    child.kill('SIGCONT');
    child.kill('SIGUSR2');
  }
  const { waited, result } = JSON.parse(await child.line());
  expect(result).toBe(-1);
  expect(waited).toBeGreaterThanOrEqual(400);
  await child.ended;
});

test('a worker waits as long as told, though it looks at its fate meanwhile', async () => {
  const { waited, result } = await runScenario<Waited>('wait-read.child', 'worker');
  expect(result).toBe(-1);
  expect(waited).toBeGreaterThanOrEqual(250);
});

test('a worker that waits for ever in a read can be terminated', async () => {
  expect(await runScenario('wait-read.child', 'terminated')).toBe(1);
});
