import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OneCoreRow } from './figures/one-core.js';
import { leftoversOf } from './leftovers.js';
import type { NotifyRow } from './notify/notify.js';
import type { Row } from './results.js';

const program = fileURLToPath(new URL('main.js', import.meta.url));
const brief = ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0.05'];
let dir: string;
let scratch: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bench-test-'));
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
  return {
    process: started,
    ended: once(started, 'exit').then(async ([code]) => ({ code, out: await out, err: await err })),
  };
}

test('every subject is measured in every scenario that it can do, and nothing is left behind', {
  timeout: 300_000,
}, async () => {
  const file = join(dir, 'rows.json');
  const { code, out, err } = await start(...brief, '--json', file).ended;
  expect(err).not.toContain('failed');
  expect(code).toBe(0);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as Row[];
  const cells = rows.map((row) => `${row.scenario} ${row.subject}`);
  for (const subject of ['message-port', 'child-ipc', 'grpc-js']) {
    expect(cells).toContain(`unary-async ${subject}`);
    expect(cells).toContain(`in-flight-64 ${subject}`);
  }
  expect(cells).toContain('unary-sync message-port');
  for (const row of rows) {
    expect(row.p50Us).toBeGreaterThan(0);
    expect(row.p99Us).toBeGreaterThanOrEqual(row.p50Us);
    expect(row.perSecond).toBeGreaterThan(0);
    expect(row.cpuUsPerCall).toBeGreaterThanOrEqual(0);
    expect(row.rssMiB).toBeGreaterThan(0);
  }
  for (const title of ['unary-sync', 'unary-async', 'in-flight-64']) expect(out).toContain(title);
  expect(leftoversOf(scratch)).toEqual([]);
});

test('notifications are measured beside bare signals, and all are received', { timeout: 60_000 }, async () => {
  const file = join(dir, 'rows.json');
  const { code, out, err } = await start('--figure', 'notify', ...brief, '--json', file).ended;
  expect([code, err]).toEqual([0, '']);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as NotifyRow[];
  expect(rows.map(({ subject }) => subject)).toEqual(['signal, async', 'signal, sync', 'bare-signal']);
  for (const { perSecond } of rows) expect(perSecond).toBeGreaterThan(0);
  expect(out).toContain('one way');
  expect(leftoversOf(scratch)).toEqual([]);
});

test('on one core every subject with a bare counterpart is measured beside it', { timeout: 300_000 }, async () => {
  const file = join(dir, 'rows.json');
  const { code, out, err } = await start('--figure', 'one-core', ...brief, '--json', file).ended;
  expect([code, err]).toEqual([0, expect.not.stringContaining('failed')]);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as OneCoreRow[];
  expect(rows.map(({ subject, bare }) => `${subject} ${bare}`)).toEqual(
    expect.arrayContaining(['unix bare-unix', 'tcp bare-tcp', 'udp bare-udp']),
  );
  for (const { meanUs, bareMeanUs, ratio, met, rounds } of rows) {
    expect(rounds).toEqual([{ meanUs, bareMeanUs }]);
    expect(ratio).toBe(meanUs / bareMeanUs);
    expect(met).toBe(ratio <= 1.6);
  }
  for (const { subject } of rows) expect(out).toContain(subject);
  expect(leftoversOf(scratch)).toEqual([]);
});

test('what has no bare counterpart is not measured on one core, and says so', async () => {
  const { code, err } = await start('--figure', 'one-core', '--subject', 'grpc-js').ended;
  expect(code).toBe(1);
  expect(err).toContain('grpc-js has no bare counterpart');
});

test('Ctrl-C in mid-measurement ends it and leaves nothing behind', async () => {
  const run = start('--subject', 'child-ipc', '--seconds', '60');
  const programs = () => leftoversOf(scratch).filter((line) => /^process .*(client|server)-main/.test(line));
  await expect.poll(() => programs().length, { timeout: 10_000 }).toBe(2);
  run.process.kill('SIGINT');
  expect((await run.ended).code).toBe(130);
  await expect.poll(() => leftoversOf(scratch)).toEqual([]);
});

test('an unknown subject is answered by those that there are', async () => {
  const { code, err } = await start('--subject', 'pigeon').ended;
  expect(code).toBe(1);
  expect(err).toContain('no subject "pigeon": there are ');
  expect(err).toContain('grpc-js');
});

test('a subject that cannot do a scenario says so', async () => {
  const { code, err } = await start(...brief, '--subject', 'grpc-js', '--scenario', 'unary-sync').ended;
  expect(code).toBe(1);
  expect(err).toContain('grpc-js does not do unary-sync');
});
