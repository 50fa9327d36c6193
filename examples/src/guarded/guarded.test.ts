import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('calls are spread, logged and bounded, a thread is kept from blocking, and who fails is left alone', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const lines = printed.trim().split('\n');
  const ready = lines.indexOf('both are ready');
  expect(new Set(lines.slice(0, ready))).toEqual(new Set(['logged: OK']));
  expect(lines.slice(ready + 1)).toEqual([
    'under way: 2 and 2',
    ...Array(4).fill('logged: OK'),
    'the first answered 2',
    'the second answered 2',
    'all by the first',
    'SYNC_FORBIDDEN quickstart.Greeter/Greet: calls must not block this thread: its servers would not answer meanwhile',
    expect.stringMatching(/^logged: UNAVAILABLE (PEER_CLOSED|UNREACHABLE)$/),
    expect.stringMatching(/^logged: UNAVAILABLE (PEER_CLOSED|UNREACHABLE)$/),
    'logged: UNAVAILABLE CIRCUIT_OPEN',
    'the circuit: open',
  ]);
});
