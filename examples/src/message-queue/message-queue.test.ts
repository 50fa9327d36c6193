import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createMessageQueue, messageQueueKey, queueRows } from '@callgate/native';
import { afterEach, expect, test } from 'vitest';

const name = `callgate-example-${process.pid}`;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

function start(program: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, name, ...args], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 20_000 });
  children.push(child);
  return child;
}

test('one process posts jobs, the other does the urgent one first, and the queue is gone afterwards', async () => {
  const worker = start('worker', 'when-told');
  const gone = once(worker, 'exit');
  await once(worker.stdout, 'data');
  const post = start('post');
  const printed = text(post.stdout);
  const queue = createMessageQueue({ name });
  await expect.poll(() => queue.status().messages).toBe(4);
  worker.stdin.write('go\n');
  expect((await printed).trim().split('\n')).toEqual([
    'done: put out the fire',
    'done: sweep the floor',
    'done: water the plants',
    'done: go home',
  ]);
  await gone;
  queue.close();
  expect(queueRows().filter((row) => row.key === messageQueueKey(name))).toEqual([]);
});
