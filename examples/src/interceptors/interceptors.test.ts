import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('metadata lets a friend in, errors arrive as their class, and interceptors see it all', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(printed.split('\n')).toEqual([
    'quickstart.Greeter/Greet: RpcError: bring a token',
    'headers: the porter',
    'quickstart.Greeter/Greet: fine',
    'Hello, Ada!',
    'quickstart.Greeter/Greet: NobodyKnown: I know nobody without a name',
    'NobodyKnown NOBODY_KNOWN the name is empty -1',
    '',
  ]);
});
