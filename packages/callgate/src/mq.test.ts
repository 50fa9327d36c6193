import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

function start(role: string, options: TransportOptions = {}, uid = ''): Program {
  const args = [program, url, role, JSON.stringify(options), uid];
  const child = spawn(process.execPath, args, { timeout: watchdogMs });
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

async function serve(options: TransportOptions = {}, uid = ''): Promise<Program> {
  const server = start('serve', options, uid);
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

/** How many messages lie in the mailbox of this roster; undefined while there is none. */
function messagesIn(roster: string): number | undefined {
  if (!existsSync(roster)) return undefined;
  const { queue } = JSON.parse(readFileSync(roster, 'utf8')) as { queue: number };
  const row = readFileSync('/proc/sysvipc/msg', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, id]) => Number(id) === queue);
  return row === undefined ? undefined : Number(row[4]);
}

/** As proc(5) has it: T is stopped. */
function stateOf(pid: number): string | undefined {
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
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

test('a mailbox for one-way messages only: a blocking sender waits until each is taken, by whichever server', async () => {
  const early = createClient(Mail, url, { direction: 'send', transport: { persistent: true } });
  endings.push(() => early.$close());
  await early.note({ text: 'early' });
  const servers = [await serve({ direction: 'receive' }), await serve({ direction: 'receive' })];
  const sender = start('tell');
  await sender.gone;
  expect(sender.lines).toEqual(['told one', 'told two', 'told three']);
  const noted = servers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('note')));
  expect(noted.sort()).toEqual(['note early', 'note one', 'note three', 'note two']);
});

test('a blocking sender waits while nobody takes, and is not answered by a server that has not got to it', async () => {
  const keeper = clientOf({ persistent: true });
  await keeper.note({ text: 'makes the mailbox' });
  const sender = start('tell');
  await expect.poll(() => messagesIn(path), { timeout: watchdogMs }).toBe(3);
  expect(sender.lines).toEqual([]);
  await serve();
  await sender.gone;
  expect(sender.lines).toEqual(['told one', 'told two', 'told three']);
});

test('who wants an answer is told that a mailbox for one-way messages has none', async () => {
  await serve({ direction: 'receive' });
  const refused = clientOf().shout({ text: 'hello' });
  await expect(refused).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED' });
  await expect(refused).rejects.toThrow(
    `${url}: who listens there opens links with direction receive; connect with direction send, not duplex`,
  );
});

test('a server that is stopped holds up its own calls until their deadlines, and nobody else', async () => {
  const servers = [await serve(), await serve()];
  const client = clientOf();
  for (let i = 0; i < 40 && servers.some(({ lines }) => !lines.includes('shout hang')); i++) {
    const had = servers.map(({ lines }) => lines.length);
    void failure(client.shout({ text: 'hang' }));
    await expect.poll(() => servers.some(({ lines }, at) => lines.length > had[at]!)).toBe(true);
  }
  const [stopped, other] = servers as [Program, Program];
  const before = stopped.lines.filter((line) => line === 'shout hang').length;
  expect(before).toBeGreaterThan(0);
  stopped.child.kill('SIGSTOP');
  await expect.poll(() => stateOf(stopped.child.pid!)).toBe('T');
  const ends = await Promise.all(
    Array.from({ length: 20 }, (_, i) => failure(client.shout({ text: `call ${i}` }, { timeout: 2000 }))),
  );
  // One of them may have been handed to the stopped one's thread before it stopped.
  const served = ends.filter((end) => end.startsWith(`${other.child.pid} CALL`));
  expect(served.length).toBeGreaterThanOrEqual(19);
  const hung = await failure(client.shout({ text: 'hang' }, { timeout: 100 }));
  expect(hung).toBe('DEADLINE_EXCEEDED DEADLINE');
  stopped.child.kill('SIGCONT');
  other.child.kill('SIGKILL');
  await other.gone;
  await expect.poll(() => failure(client.shout({ text: 'again' }))).toBe(`${stopped.child.pid} AGAIN`);
});

test('users of a mailbox are told apart by the kernel, and `allow` and `mode` keep others out', async () => {
  // Only root can become somebody else.
  if (process.geteuid?.() !== 0) return;
  chmodSync(dir, 0o777);
  const server = await serve({ mode: 0o666, allow: { uid: [65534, 65533] } }, '65534');
  // Only who makes a mailbox needs to say who may use it.
  const friend = start('greet', {}, '65533');
  await friend.gone;
  expect(friend.lines).toEqual([`served by 65534 65534 ${server.child.pid}`]);
  expect(server.lines).toContain(`asked by 65533 65533 ${friend.child.pid}`);
  const stranger = start('greet', {}, '65532');
  await stranger.gone;
  expect(stranger.lines.join()).toMatch(/^PERMISSION_DENIED .*uid 65532/);
  server.child.kill('SIGKILL');
  await server.gone;
  await serve({ mode: 0o600 });
  const locked = start('greet', {}, '65534');
  await locked.gone;
  expect(locked.lines.join()).toMatch(
    /^PERMISSION_DENIED .*the mailbox is of uid 0, and its mode 0600 keeps uid 65534 out; let its maker set the option mode/,
  );
});

test("a server that comes later knows a caller's pid, too: it is who receives from his queue, not who answered last", async () => {
  const first = await serve();
  const client = clientOf();
  expect(await failure(client.shout({ text: 'first' }))).toBe(`${first.child.pid} FIRST`);
  const second = await serve();
  first.child.kill('SIGSTOP');
  await expect.poll(() => stateOf(first.child.pid!)).toBe('T');
  for (let i = 0; i < 5 && !second.lines.includes('shout who'); i++) {
    await failure(client.shout({ text: 'who' }, { timeout: 500 }));
  }
  expect(second.lines).toContain(`asked by ${process.geteuid?.()} ${process.getegid?.()} ${process.pid}`);
  first.child.kill('SIGCONT');
});

test('a stranger who writes into the queues of both sides harms no call', async () => {
  const server = await serve();
  const client = clientOf();
  expect(await failure(client.shout({ text: 'one' }))).toContain('ONE');
  const roster = JSON.parse(readFileSync(path, 'utf8')) as { members: { box: number }[] };
  const write = `
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def send(queue, data):
    text = struct.pack("=q", 1) + data
    assert libc.msgsnd(queue, text, len(data), 0o4000) == 0
for queue in map(int, sys.argv[1:]):
    send(queue, b"")
    send(queue, b"garbage")
    # In the name of a queue that is no server's: an answer, a word that the link ends, a message of 4 GiB.
    for kind in (1, 5, 6):
        send(queue, struct.pack("<HBBIIIHHIIId", 0x514D, 1, kind, 0x7FFFFFF0, 1, 1, 0, 1, 3, 1, 0, float("inf")) + b"abc")
    send(queue, struct.pack("<HBBIIIHHIIId", 0x514D, 1, 1, 0x7FFFFFF0, 1, 2, 0, 9, 0xFFFFFFFF, 1, 0, float("inf")))
`;
  const boxes = roster.members.map(({ box }) => String(box));
  execFileSync('python3', ['-c', write, ...boxes], { timeout: watchdogMs });
  expect(await server.line('error:')).toContain("a message of 0 bytes in the server's own queue is none of Callgate's");
  expect(await failure(client.shout({ text: 'two' }))).toContain('TWO');
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

test("a key that is somebody else's, a system without a queue to spare, and more bytes than it allows are told in words", async () => {
  const shell = (body: string): string =>
    spawnSync('unshare', ['-Ui', '--map-root-user', 'sh', '-c', body], { encoding: 'utf8', timeout: watchdogMs })
      .stdout;
  const listen = (at: string): string => `"${process.execPath}" "${program}" ${at} serve '{}' </dev/null`;
  const full = shell(`echo 1 > /proc/sys/kernel/msgmni && ${listen(url)}`);
  expect(full).toContain('all 1 message queues that this system may have are in use');
  expect(full).toContain('the sysctl kernel.msgmni raises the number');
  const wish = JSON.stringify(JSON.stringify({ queueBytes: 1_000_000 }));
  const large = shell(`"${process.execPath}" "${program}" ${url} serve ${wish} </dev/null`);
  expect(large).toMatch(
    /^cannot make the mailbox mq:.* for 1000000 bytes \(queueBytes\): the system allows \d+ \(kernel.msgmnb\), and more to root only/,
  );
  const make = 'import ctypes, os; os.setgid(65534); os.setuid(65534); ctypes.CDLL(None).msgget(0x4347, 0o1600)';
  if (process.geteuid?.() !== 0) return;
  const taken = spawnSync('unshare', ['-i', 'sh', '-c', `python3 -c '${make}' && ${listen('mq:0x4347')}`], {
    encoding: 'utf8',
    timeout: watchdogMs,
  }).stdout;
  expect(taken).toContain('its key 0x4347 is in use by a message queue that belongs to uid 65534 (mode 0600)');
  expect(taken).toContain('It was left as it is; choose another name or key');
});
