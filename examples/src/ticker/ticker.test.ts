import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a slow reader gets the first and the last prices, one who has enough stops them, and the end is told', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const lines = printed.trim().split('\n');
  expect(lines.slice(0, 2)).toEqual(['the seal: 254,253,252', 'watched: 1, 2, 997, 998, 999, 1000']);
  // The reader and the writer are told at the same time.
  expect(lines.slice(2, 4).toSorted()).toEqual([
    'CANCELLED ticker.Ticker/Follow: aborted by the caller: three are enough',
    'nobody follows any more',
  ]);
  expect(lines.slice(4)).toEqual(['closed by peer, orderly: true: the server closed: the exchange is closed']);
});
