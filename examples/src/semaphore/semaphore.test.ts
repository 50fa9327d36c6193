import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createSemaphore } from '@callgate/native';
import { expect, test } from 'vitest';

const name = `callgate-example-${process.pid}`;

async function run(program: string, ...args: string[]): Promise<string> {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, name, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return printed;
}

test('three processes share two licences, and one that is killed gives back its own', async () => {
  const printed = await Promise.all([run('worker', 'Ada'), run('worker', 'Bob', 'crash'), run('worker', 'Cleo')]);
  expect(printed).toEqual([
    'Ada has a licence\nAda gives it back\n',
    'Bob has a licence\n',
    'Cleo has a licence\nCleo gives it back\n',
  ]);
  expect(await run('remove')).toBe('2 licences are free\n');
  expect(() => createSemaphore({ kind: 'system-v', name, create: 'never' })).toThrow('ENOENT');
});
