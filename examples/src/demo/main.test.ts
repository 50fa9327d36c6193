import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { leftoversOf, type NotifyRow } from '@callgate/bench';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Row, StreamRow } from './stages.js';

const program = fileURLToPath(new URL('main.js', import.meta.url));
let dir: string;
let scratch: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'demo-test-'));
  scratch = join(dir, 'tmp');
  mkdirSync(scratch);
});

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function start(...args: string[]) {
  const started = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: scratch },
  });
  child = started;
  const [out, err] = [text(started.stdout), text(started.stderr)];
  const ended = once(started, 'close').then(async ([code]) => ({ code, out: await out, err: await err }));
  return { process: started, ended };
}

interface Printed {
  readonly sentences: string[];
  readonly agree: boolean;
  readonly differences: string[];
  readonly questions: number;
  readonly streamed: number;
  readonly rows: Row[];
  readonly streams: StreamRow[];
  readonly notified: NotifyRow[];
}

test('every transport gives the same right answers in both modes, and is measured', { timeout: 240_000 }, async () => {
  const { code, out } = await start('--seconds', '0.2', '--json').ended;
  const { sentences, agree, differences, questions, streamed, rows, streams, notified } = JSON.parse(out) as Printed;
  expect(differences).toEqual([]);
  expect(agree).toBe(true);
  expect(code).toBe(0);
  expect(questions).toBeGreaterThan(5000);
  expect(sentences.join('\n')).toMatch(/Springfield.*166,810.*\n.*Point Nemo.*\n.*Norway.*Oslo/);
  expect(sentences.join('\n')).toMatch(/box around the Alps.*\n.*from Lisbon to Singapore.* past \d+ cities/i);
  const cells = rows.map(({ transport, mode }) => `${transport} ${mode}`);
  for (const transport of [
    'inproc:',
    'shm:',
    'shm+posix:',
    'shm+sysv:',
    'shm+simple:',
    'unix:',
    'tcp:',
    'tls:',
    'udp:',
    'pipe:',
    'fifo:',
    'mq:',
  ]) {
    expect(cells).toContain(`${transport} sync`);
    expect(cells).toContain(`${transport} async`);
  }
  expect(rows.map(({ kind }) => kind)).toContain('peer');
  for (const { calls, p50Us, p99Us, perSecond } of rows) {
    expect(Math.min(calls, p50Us, perSecond)).toBeGreaterThan(0);
    expect(p99Us).toBeGreaterThanOrEqual(p50Us);
  }
  const streaming = ['inproc:', 'shm:', 'shm+posix:', 'shm+sysv:', 'unix:', 'tcp:', 'tls:', 'pipe:', 'fifo:'];
  const both = (transport: string) => [`${transport} sync`, `${transport} async`];
  const lines = (some: StreamRow[]) => some.map(({ transport, mode }) => `${transport} ${mode}`).sort();
  expect(lines(streams.filter(({ why }) => why === null))).toEqual(
    [...streaming.flatMap(both), 'gRPC-js, Unix socket async'].sort(),
  );
  for (const { perSecond } of streams.filter(({ why }) => why === null)) {
    const { citiesIn = 0, routeLength = 0, nearestWhile = 0 } = perSecond;
    expect(Math.min(citiesIn, routeLength, nearestWhile)).toBeGreaterThan(0);
  }
  const without = streams.filter(({ why }) => why !== null);
  expect(lines(without)).toEqual(['udp:', 'shm+simple:', 'mq:'].flatMap(both).sort());
  for (const { why, transport } of without) {
    const lacking = transport === 'udp:' ? 'delivery: lossy' : 'greeting: none';
    expect(why).toMatch(new RegExp(`capability ${lacking}.* can't carry streams$`));
  }
  expect(streamed).toBe(streams.reduce((sum, { items }) => sum + items, 0));
  expect(streamed).toBeGreaterThan(1_000_000);
  expect(notified.map(({ subject }) => subject)).toEqual(['signal, async', 'signal, sync', 'bare-signal']);
  expect(leftoversOf(scratch)).toEqual([]);
});

test('a URL of its own is the only one called, and its socket is gone afterwards', { timeout: 60_000 }, async () => {
  const url = `unix:${join(scratch, 'mine.sock')}`;
  const { code, out } = await start('--url', url, '--seconds', '0.1').ended;
  expect(code).toBe(0);
  expect(out).toContain('every answer is the same, and right');
  expect(out).toContain('unix:');
  expect(out).not.toContain('shm:');
  expect(out).toContain('cities in a box/s');
  expect(out).not.toContain('no streams');
  expect(leftoversOf(scratch)).toEqual([]);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in mid-measurement leaves nothing behind`, async () => {
    const url = `shm:${join(scratch, 'mine.sock')}`;
    const run = start('--url', url, '--seconds', '60');
    const programs = () => leftoversOf(scratch).filter((line) => /^process .*(client|server)-main/.test(line));
    await expect.poll(() => programs().length, { timeout: 20_000 }).toBe(2);
    run.process.kill(signal);
    expect((await run.ended).code).toBe(signal === 'SIGINT' ? 130 : 143);
    await expect.poll(() => leftoversOf(scratch), { timeout: 5000 }).toEqual([]);
  });
}

test('a URL that nobody can serve is answered by words and a status', async () => {
  const { code, err } = await start('--url', 'pigeon:geo', '--seconds', '0.1').ended;
  expect(code).toBe(1);
  expect(err).toContain('pigeon');
  expect(err).not.toMatch(/\n {4}at /);
});
