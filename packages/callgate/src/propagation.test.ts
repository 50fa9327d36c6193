import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient, type RpcError } from './index.js';
import { Echo } from './testing/echo.js';

const program = fileURLToPath(new URL('./testing/relay.child.js', import.meta.url));
/** Of five processes, this one is the first. Over what the others are reached, and how they call on. */
const chain = [
  ['shm', 'async'],
  ['unix', 'async'],
  ['fifo', 'sync'],
  ['unix', 'async'],
] as const;

let scratch: string;
let children: { child: ChildProcess; next(): Promise<string> }[];
let first: Client<typeof Echo>;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'callgate-chain-'));
  children = [];
  const urls = chain.map(([scheme], i) => `${scheme}:${join(scratch, `${i}`)}`);
  children = chain.map(([, mode], i) => {
    const args = [program, urls[i]!, mode, ...urls.slice(i + 1, i + 2)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    const lines = createInterface(child.stderr!)[Symbol.asyncIterator]();
    return { child, next: async () => (await lines.next()).value as string };
  });
  for (const { next } of children) expect(await next()).toBe('ready');
  first = createClient(Echo, urls[0]!);
});
afterAll(async () => {
  await first.$close();
  for (const { child } of children) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(scratch, { recursive: true, force: true });
});

const failure = (call: Promise<unknown>): Promise<RpcError> =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (error: RpcError) => error,
  );

/** Whether a callee's own clock, its caller's word or the end of its own call comes first is for the scheduler to say. */
async function says(i: number, words: RegExp): Promise<void> {
  while (!words.test(await children[i]!.next()));
}

describe('Over a chain of five processes, each with an hour of its own for its calls,', () => {
  it('what is left of the first deadline is what all have, less and less.', async () => {
    const { text } = await first.shout({ text: '' }, { timeout: 9000 });
    const lefts = text.split(' ').map(Number);
    expect(lefts).toHaveLength(4);
    for (const [i, left] of lefts.entries()) {
      expect(left).toBeGreaterThan(0);
      // Time left travels in whole milliseconds, rounded up.
      expect(left).toBeLessThanOrEqual((lefts[i - 1] ?? 9000) + 1);
    }
  });

  it('the deadline ends them all, and the first caller sees DEADLINE_EXCEEDED.', async () => {
    const call = failure(first.shout({ text: 'hang' }, { timeout: 1500 }));
    await says(3, /^hangs$/);
    expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
    await says(3, /^stopped (DEADLINE_EXCEEDED|CANCELLED)$/);
  });

  it('an abort reaches all whose thread does not block, and what is behind one that does ends at the deadline.', async () => {
    const enough = new AbortController();
    const call = failure(first.shout({ text: 'hang' }, { timeout: 3000, signal: enough.signal }));
    await says(3, /^hangs$/);
    enough.abort();
    expect(await call).toMatchObject({ code: 'CANCELLED', reason: 'ABORTED_BY_CALLER' });
    await says(0, /^stopped CANCELLED$/);
    await says(1, /^stopped CANCELLED$/);
    await says(3, /^stopped (DEADLINE_EXCEEDED|CANCELLED)$/);
  });
});

it('A handler that makes the first client of its thread hands on its deadline, too, from its first call on.', async () => {
  const [front, back] = ['front', 'back'].map((name) => `unix:${join(scratch, name)}`) as [string, string];
  const both = [
    [front, 'late', back],
    [back, 'async'],
  ].map((args) => spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'inherit', 'pipe'] }));
  const client = createClient(Echo, front);
  try {
    for (const { stderr } of both) await once(createInterface(stderr!), 'line');
    for (const timeout of [9000, 4000, 'never'] as const) {
      const { text } = await client.shout({ text: '' }, { timeout });
      const [own, inner] = text.split(' ').map(Number) as [number, number];
      expect(own).toBeLessThanOrEqual(timeout === 'never' ? Number.POSITIVE_INFINITY : timeout);
      // Its own hour, where there is nothing to inherit.
      expect(inner).toBeLessThanOrEqual(Math.min(own, 3_600_000) + 1);
    }
  } finally {
    await client.$close();
    for (const child of both) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});
