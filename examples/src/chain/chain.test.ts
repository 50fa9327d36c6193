import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dir: string;
let children: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'chain-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
});

function start(program: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
  children.push(child);
  return child.stdout;
}

async function relay(...args: string[]) {
  const lines = createInterface(start('relay', ...args))[Symbol.asyncIterator]();
  const says = async () => (await lines.next()).value as string;
  expect(await says()).toMatch(/^at /);
  return says;
}

test('what is left of the time goes down the chain, and the last one is told when it is over', async () => {
  const [first, last] = [`shm:${join(dir, 'first')}`, `unix:${join(dir, 'last')}`];
  const end = await relay(last);
  const begin = await relay(first, last);
  expect(await text(start('ask', first, 'Ada', '9000'))).toBe('Hello, Ada!\n');
  const lefts = [await begin(), await end()].map((line) => Number.parseInt(line, 10));
  expect(lefts[1]).toBeLessThanOrEqual(lefts[0]! + 1);
  expect(lefts[0]).toBeLessThanOrEqual(9001);
  expect(await text(start('ask', first, 'nobody', '1000'))).toMatch(/^DEADLINE_EXCEEDED DEADLINE: /);
  await end();
  // Its own clock tells it, or the one that called it, whichever is first.
  expect(await end()).toMatch(/^given up: .*(the deadline passed at the server|cancelled by the caller)$/);
});

test('two that block for each other are told so, instead of waiting forever', async () => {
  const [first, second] = [`unix:${join(dir, 'first')}`, `unix:${join(dir, 'second')}`];
  await relay(second, first);
  await relay(first, second, 'blocking');
  const words = await text(start('ask', first, 'Ada', '15000'));
  expect(words).toMatch(/^FAILED_PRECONDITION SELF_DEADLOCK: .*it would wait for itself: process \d+ blocks until /);
});
