import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const name = `callgate-example-${process.pid}`;

async function run(program: string): Promise<string> {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, name], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return printed;
}

test('one process writes what the other reads, and the memory is gone afterwards', async () => {
  expect(await Promise.all([run('sensor'), run('display')])).toEqual([
    'measured 100 times\n',
    'reading 100: 20 degrees\n',
  ]);
  expect(existsSync(`/dev/shm/${name}`)).toBe(false);
});
