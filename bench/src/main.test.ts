import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COUNTED } from './crowd.js';
import type { OneCoreRow } from './figures/one-core.js';
import { leftoversOf } from './leftovers.js';
import type { NotifyRow } from './notify/notify.js';
import type { Row } from './results.js';
import { canRun, scenarios, crowds as sizesOfCrowds } from './scenario.js';
import { subjectNamed, subjects } from './subjects/index.js';

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

function start(...given: readonly (string | { readonly PATH: string })[]) {
  const args = given.filter((one) => typeof one === 'string');
  const path = given.find((one) => typeof one !== 'string');
  const started = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: scratch, ...path },
  });
  child = started;
  const [out, err] = [text(started.stdout), text(started.stderr)];
  return {
    process: started,
    ended: once(started, 'exit').then(async ([code]) => ({ code, out: await out, err: await err })),
  };
}

/** All but what would have to be compiled for half a minute: that is tried by itself, below. */
const quick = subjects.filter(({ kind, aside = false }) => kind !== 'native' && !aside).map(({ name }) => name);

const blocking = quick.filter((name) => canRun(subjectNamed(name), 'unary-sync'));

function checkRows(file: string): string[] {
  const rows = JSON.parse(readFileSync(file, 'utf8')) as Row[];
  for (const row of rows) {
    expect(row.p50Us).toBeGreaterThan(0);
    expect(row.p99Us).toBeGreaterThanOrEqual(row.p50Us);
    expect(row.p999Us).toBeGreaterThanOrEqual(row.p99Us);
    expect(row.perSecond).toBeGreaterThan(0);
    expect(row.cpuUsPerCall).toBeGreaterThanOrEqual(0);
    expect(row.rssMiB).toBeGreaterThan(0);
  }
  return rows.map((row) => `${row.scenario} ${row.subject}`);
}

test('every subject that can block is measured so, and nothing is left behind', { timeout: 300_000 }, async () => {
  const file = join(dir, 'rows.json');
  const what = ['--subject', blocking.join(), '--scenario', 'unary-sync'];
  const { code, out, err } = await start(...brief, ...what, '--json', file).ended;
  expect(err).not.toContain('failed');
  expect(code).toBe(0);
  expect(new Set(checkRows(file))).toEqual(new Set(blocking.map((name) => `unary-sync ${name}`)));
  for (const title of ['unary-sync', 'goals']) expect(out).toContain(title);
  expect(leftoversOf(scratch)).toEqual([]);
});

test('every peer is measured with awaited calls, and nothing is left behind', { timeout: 300_000 }, async () => {
  const file = join(dir, 'rows.json');
  const awaiting = ['shm', ...quick.filter((name) => !blocking.includes(name))];
  expect(awaiting).toEqual(expect.arrayContaining(['child-ipc', 'grpc-js', 'connect', 'zeromq', 'node-ipc', 'net']));
  const what = ['--subject', awaiting.join(), '--scenario', 'unary-async'];
  const { code, out, err } = await start(...brief, ...what, '--json', file).ended;
  expect(err).not.toContain('failed');
  expect(code).toBe(0);
  expect(checkRows(file)).toEqual(expect.arrayContaining(['unary-async shm', 'unary-async http1']));
  expect(out).toContain('unary-async');
  expect(leftoversOf(scratch)).toEqual([]);
});

test('every scenario is measured, with what connections cost where they are counted', {
  timeout: 300_000,
}, async () => {
  const file = join(dir, 'rows.json');
  const others = scenarios.filter((name) => !/^unary|^size-(?!0b)|^one-core|^connections-1000?$/.test(name));
  const what = ['--subject', 'shm,bare-memcpy,child-ipc', '--scenario', [...others, 'size-16m'].join()];
  const { code, err } = await start(...brief, ...what, '--json', file).ended;
  expect(err).not.toContain('failed');
  expect(code).toBe(0);
  const cells = checkRows(file);
  for (const scenario of others) expect(cells).toContain(`${scenario} shm`);
  expect(cells).toEqual(expect.arrayContaining(['stream-64b child-ipc', 'size-16m bare-memcpy']));
  const crowds = (JSON.parse(readFileSync(file, 'utf8')) as Row[]).filter(({ scenario }) => scenario in sizesOfCrowds);
  expect(crowds).toHaveLength(2);
  for (const { scenario, crowd } of crowds) {
    const connections = sizesOfCrowds[scenario as keyof typeof sizesOfCrowds];
    expect(crowd).toMatchObject({ connections, busy: connections });
    expect(connections).toBeLessThan(COUNTED);
    expect([crowd?.clientKiB, crowd?.serverKiB, crowd?.sharedKiB]).toEqual([null, null, null]);
    expect(crowd?.serverTicks).toBeGreaterThanOrEqual(0);
  }
  expect(leftoversOf(scratch)).toEqual([]);
});

test('a peer in C++ is measured, or left out with a line that says what to install', { timeout: 120_000 }, async () => {
  const what = ['--subject', 'capnp-cpp,message-port', '--scenario', 'unary-async'];
  const { code, out, err } = await start(...brief, ...what).ended;
  expect(code).toBe(0);
  if (!out.includes('capnp-cpp')) expect(err).toMatch(/capnp-cpp: left out, for .* install libcapnp-dev capnproto/);
  expect(leftoversOf(scratch)).toEqual([]);
});

test('without what it is made with, a peer in C++ is left out, and the rest is measured', async () => {
  const tools = ['node', 'sh', 'c++', 'pkg-config'].map((name) => join(dir, name));
  for (const tool of tools) writeFileSync(tool, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  rmSync(join(dir, 'sh'));
  symlinkSync('/bin/sh', join(dir, 'sh'));
  const what = ['--subject', 'grpc-cpp,message-port', '--scenario', 'unary-async'];
  const run = start({ PATH: dir }, ...brief, ...what);
  const { code, out, err } = await run.ended;
  expect(err).toContain('grpc-cpp: left out, for protoc is missing: install libgrpc++-dev protobuf-compiler-grpc');
  expect(out).toContain('message-port');
  expect(code).toBe(0);
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

test('on one core subjects are measured beside their bare counterparts', { timeout: 300_000 }, async () => {
  const file = join(dir, 'rows.json');
  const what = ['--subject', 'unix,udp', '--json', file];
  const { code, out, err } = await start('--figure', 'one-core', ...brief, ...what).ended;
  expect([code, err]).toEqual([0, expect.not.stringContaining('failed')]);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as OneCoreRow[];
  expect(rows.map(({ subject, bare }) => `${subject} ${bare}`)).toEqual(['unix bare-unix', 'udp bare-udp']);
  for (const { meanUs, bareMeanUs, ratio, met, rounds } of rows) {
    expect(rounds).toEqual([{ meanUs, bareMeanUs }]);
    expect(ratio).toBe(meanUs / bareMeanUs);
    expect(met).toBe(ratio <= 1.3);
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
