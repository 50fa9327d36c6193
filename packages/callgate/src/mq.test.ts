import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClient, type TransportOptions } from './index.js';
import { Mail } from './testing/mailbox.js';

const program = fileURLToPath(new URL('./testing/mailbox.child.js', import.meta.url));
const byHand = fileURLToPath(new URL('../src/testing/mailbox-by-hand.py', import.meta.url));
const watchdogMs = 20_000;

let dir: string;
let path: string;
let url: string;
const endings: (() => unknown)[] = [];
let before: Set<string>;

const queues = (): string[] =>
  readFileSync('/proc/sysvipc/msg', 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'callgate-mq-'));
  path = join(dir, 'mail.mq');
  url = `mq:${path}`;
  before = new Set(queues());
});

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  // What killed processes have left behind goes with the next who comes and leaves.
  const last = start('serve');
  await last.line('listening');
  last.child.stdin.end();
  await last.gone;
  expect(readdirSync(dir)).toEqual([]);
  rmSync(dir, { recursive: true });
});

interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[];
  readonly gone: Promise<unknown>;
  line(beginning: string): Promise<string>;
}

function start(role: string, options: TransportOptions = {}): Program {
  const child = spawn(process.execPath, [program, url, role, JSON.stringify(options)], { timeout: watchdogMs });
  child.stderr.pipe(process.stderr);
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const gone = once(child, 'exit');
  return {
    child,
    lines,
    gone,
    line: async (beginning) => {
      await expect.poll(() => lines.join('\n'), { timeout: watchdogMs }).toContain(beginning);
      return lines.find((line) => line.startsWith(beginning))!;
    },
  };
}

async function serve(options: TransportOptions = {}): Promise<Program> {
  const server = start('serve', options);
  endings.push(async () => {
    server.child.kill('SIGKILL');
    await server.gone;
  });
  await server.line('listening');
  return server;
}

function clientOf(transport: TransportOptions = {}, urgent?: boolean) {
  const client = createClient(Mail, url, { timeout: 10_000, transport, urgent });
  endings.push(() => client.$close());
  return client;
}

const failure = (promise: Promise<{ readonly text: string }>) =>
  promise.then(
    ({ text }) => text,
    ({ code, reason }: { code: string; reason: string }) => `${code} ${reason}`,
  );

test('several servers share the calls of one mailbox, and those that a killed one had taken fail at once', async () => {
  const servers = [await serve(), await serve()];
  const client = clientOf();
  const hangs = new Map<number, string>();
  // One after the other, so that it is known who has taken which.
  for (let i = 0; i < 40 && servers.some(({ lines }) => !lines.includes('shout hang')); i++) {
    const had = servers.map(({ lines }) => lines.length);
    void failure(client.shout({ text: 'hang' }, { timeout: 'never' })).then((end) => hangs.set(i, end));
    await expect.poll(() => servers.some(({ lines }, at) => lines.length > had[at]!)).toBe(true);
  }
  const [victim, survivor] = servers as [Program, Program];
  const taken = victim.lines.filter((line) => line === 'shout hang').length;
  expect(taken).toBeGreaterThan(0);
  victim.child.kill('SIGKILL');
  await expect.poll(() => hangs.size, { timeout: 5000 }).toBe(taken);
  expect(new Set(hangs.values())).toEqual(new Set(['UNAVAILABLE PEER_DIED']));
  expect((await client.shout({ text: 'after' })).text).toBe(`${survivor.child.pid} AFTER`);
  survivor.child.kill('SIGKILL');
  const waiting = survivor.lines.filter((line) => line === 'shout hang').length;
  await expect.poll(() => hangs.size, { timeout: 5000 }).toBe(taken + waiting);
  expect(await failure(client.shout({ text: 'nobody' }))).toBe('UNAVAILABLE UNREACHABLE');
});

test('a blocking client is served by all, with all timeouts, and learns of the death of who has its call', async () => {
  const servers = [await serve(), await serve()];
  const caller = start('call');
  await caller.line('blocking');
  await expect.poll(() => servers.some(({ lines }) => lines.at(-1) === 'shout hang')).toBe(true);
  for (const server of servers) server.child.kill('SIGKILL');
  await caller.gone;
  const [takers, length, ...rest] = caller.lines;
  expect(takers).toMatch(/^takers [12]$/);
  expect(Number(length)).toBeGreaterThan(50_000);
  expect(rest).toEqual(['DEADLINE_EXCEEDED DEADLINE', 'READY', 'blocking', 'UNAVAILABLE PEER_DIED']);
  expect(servers.flatMap(({ lines }) => lines).filter((line) => line === 'note noted')).toHaveLength(1);
});

test('what is sent before any server runs is kept and delivered, what is urgent first; what has expired is not run', async () => {
  const client = clientOf({ persistent: true });
  for (const text of ['one', 'two']) await client.note({ text }, { timeout: 'never' });
  const late = failure(client.shout({ text: 'late' }, { timeout: 30 }));
  const answered = client.shout({ text: 'plain' }, { timeout: 'never' });
  await client.note({ text: 'fire' }, { timeout: 'never', urgent: true });
  expect(await late).toBe('DEADLINE_EXCEEDED DEADLINE');
  expect(await failure(client.shout({ text: 'now' }, { timeout: 'immediate' }))).toBe('UNAVAILABLE NOT_READY');
  const server = await serve();
  expect((await answered).text).toContain('PLAIN');
  expect(server.lines.filter((line) => line !== 'listening')).toEqual([
    'note fire',
    'note one',
    'note two',
    'shout plain',
  ]);
});

test('a method says whether it is urgent, a client for those that do not, and a call for itself', async () => {
  const plain = clientOf({ persistent: true });
  const hasty = clientOf({ persistent: true }, true);
  const never = { timeout: 'never' } as const;
  await plain.note({ text: 'plain: first' }, never);
  await plain.alarm({ text: 'plain: by method' }, never);
  await plain.alarm({ text: 'plain: not by call' }, { ...never, urgent: false });
  await hasty.note({ text: 'hasty: not by call' }, { ...never, urgent: false });
  await hasty.note({ text: 'hasty: by client' }, never);
  const server = await serve();
  await server.line('alarm plain: not');
  await server.line('note hasty: not');
  // Each caller's, in the order in which they were taken: what several callers send is handled as they come.
  const of = (who: string) => server.lines.filter((line) => line.includes(who));
  expect(of('plain')).toEqual(['alarm plain: by method', 'note plain: first', 'alarm plain: not by call']);
  expect(of('hasty')).toEqual(['note hasty: by client', 'note hasty: not by call']);
});

test('one-way messages outlive the process that sent them', async () => {
  const client = clientOf({ persistent: true });
  await client.note({ text: 'testament' }, { timeout: 'never' });
  await client.$close();
  expect(existsSync(path)).toBe(true);
  const server = await serve();
  await server.line('note testament');
});

test('a mailbox that is full holds senders back until their deadlines, and goes on when somebody takes from it', async () => {
  const client = clientOf({ persistent: true, queueBytes: 600 });
  const text = 'x'.repeat(100);
  const sent = await Promise.all(
    Array.from({ length: 8 }, () => failure(client.note({ text }, { timeout: 100 }).then(() => ({ text: 'sent' })))),
  );
  expect(new Set(sent)).toEqual(new Set(['sent', 'DEADLINE_EXCEEDED DEADLINE']));
  // What was taken into the mailbox in time, and by nobody until its deadline, is not run either.
  const server = await serve();
  expect((await client.shout({ text: 'next' })).text).toContain('NEXT');
  expect(server.lines.filter((line) => line.startsWith('note'))).toEqual([]);
});

test('a client that is killed leaves nothing behind, and its reply goes nowhere', async () => {
  const server = await serve();
  const caller = start('call');
  await caller.line('blocking');
  await expect.poll(() => server.lines.at(-1)).toBe('shout hang');
  caller.child.kill('SIGKILL');
  await caller.gone;
  // The mailbox and the server's own queue.
  await expect.poll(() => queues().filter((row) => row !== '' && !before.has(row) && mine(row)).length).toBe(2);
  expect((await clientOf().shout({ text: 'next' })).text).toContain('NEXT');

  /** Others run tests here as well: what counts is the mailbox, and boxes that its processes made. */
  function mine(row: string): boolean {
    const roster = JSON.parse(readFileSync(path, 'utf8')) as { queue: number; members: { box: number }[] };
    const id = Number(row.split(' ')[1]);
    return id === roster.queue || roster.members.some(({ box }) => box === id);
  }
});

test('a Python program calls by hand, two callers share a queue for their answers, and garbage is told of and dropped', async () => {
  const server = await serve();
  const printed = execFileSync('python3', [byHand, path], { encoding: 'utf8', timeout: watchdogMs });
  expect(printed).toBe('SECOND\nFIRST\n');
  const told = await server.line('error:');
  expect(told).toContain("a message of 32 bytes in the mailbox is none of Callgate's, and was dropped");
});

test("a key that is somebody else's, and a system without a queue to spare, are told in words", async () => {
  const shell = (body: string): string =>
    spawnSync('unshare', ['-Ui', '--map-root-user', 'sh', '-c', body], { encoding: 'utf8', timeout: watchdogMs })
      .stdout;
  const listen = (at: string): string => `"${process.execPath}" "${program}" ${at} serve '{}' </dev/null`;
  const full = shell(`echo 1 > /proc/sys/kernel/msgmni && ${listen(url)}`);
  expect(full).toContain('all 1 message queues that this system may have are in use');
  expect(full).toContain('the sysctl kernel.msgmni raises the number');
  const make = 'import ctypes, os; os.setgid(65534); os.setuid(65534); ctypes.CDLL(None).msgget(0x4347, 0o1600)';
  if (process.geteuid?.() !== 0) return;
  const taken = spawnSync('unshare', ['-i', 'sh', '-c', `python3 -c '${make}' && ${listen('mq:0x4347')}`], {
    encoding: 'utf8',
    timeout: watchdogMs,
  }).stdout;
  expect(taken).toContain('its key 0x4347 is in use by a message queue that belongs to uid 65534 (mode 0600)');
  expect(taken).toContain('It was left as it is; choose another name or key');
});
