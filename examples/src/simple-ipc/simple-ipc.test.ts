import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const children: ChildProcess[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-simple-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(program: string, url: string) {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, url], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 20_000 });
  children.push(child);
  return child;
}

test('one process asks another through two slots of 500 bytes', async () => {
  const file = join(folder, 'greeter.sock');
  const url = `shm+simple:${file}`;
  const answerer = start('answerer', url);
  const gone = once(answerer, 'exit');
  await once(answerer.stdout, 'data');
  const printed = await text(start('asker', url).stdout);
  expect(printed.trim().split('\n')).toEqual([
    'Hello, Ada!',
    'Hello, Grace!',
    'Hello, Edsger! Hello, Barbara! Hello, Tony!',
    'RESOURCE_EXHAUSTED: the message has 503 bytes; this channel carries at most 468 (messages of this link have at most 500 bytes, less the envelope)',
    'Hello, sleepy head!',
  ]);
  answerer.kill('SIGTERM');
  expect(await gone).toEqual([0, null]);
  expect(existsSync(file)).toBe(false);
});
