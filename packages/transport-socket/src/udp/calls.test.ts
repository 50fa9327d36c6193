/** Calls over real sockets between real processes, over good ways and bad ones. */
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RpcError } from '@callgate/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, Stage, tallyOf, type Weather } from './testing/stage.js';

const STORM: Weather = { seed: 11, lost: 20, doubled: 15, late: 15 };
const QUICK = { resendMs: 4, resendMostMs: 50 };

/** How many of each outcome. */
async function outcomes(calls: Iterable<Promise<unknown>>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const one of await Promise.allSettled(calls)) {
    const what = one.status === 'fulfilled' ? 'done' : RpcError.is(one.reason) ? one.reason.code : String(one.reason);
    found[what] = (found[what] ?? 0) + 1;
  }
  return found;
}

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: RpcError) => error,
  );
}

function expectOnceAtMost(tally: Map<number, number>): void {
  expect([...tally].filter(([, times]) => times > 1)).toEqual([]);
}

it('answers thousands of awaited calls in a storm, each run once', { timeout: 40_000 }, async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const relay = await stage.relay(server.url, STORM);
  const client = stage.client(relay.url, { timeout: 20_000 }, QUICK);
  const calls: Promise<unknown>[] = [];
  for (let number = 1; number <= 4000; number++) {
    const method = number % 20 === 0 ? client.ponder : client.enter;
    calls.push(
      method({ number }).then((reply) => {
        if (reply.number !== number) throw new Error(`asked ${number}, answered ${reply.number}`);
      }),
    );
  }
  for (let number = 4001; number <= 5000; number++) calls.push(client.note({ number }));
  expect(await outcomes(calls)).toEqual({ done: 5000 });
  await expect.poll(async () => (await tallyOf(server.child)).size, { timeout: 20_000 }).toBe(5000);
  // What nobody awaits arrives before the client is closed.
  for (let number = 5001; number <= 5050; number++) await client.note({ number });
  await client.$close();
  const tally = await tallyOf(server.child);
  expectOnceAtMost(tally);
  expect(tally.size).toBe(5050);
});

it('answers a thousand blocking calls in a storm, one-way ones too, each run once', { timeout: 40_000 }, async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const relay = await stage.relay(server.url, { ...STORM, seed: 12 });
  const { said } = await stage.start('caller', relay.url, JSON.stringify(QUICK), 1, 800, 300);
  expect(said).toEqual({ done: 1100 });
  const tally = await tallyOf(server.child);
  expectOnceAtMost(tally);
  expect(tally.size).toBe(1100);
});

it('ends every call by its deadline where nearly nothing arrives, and runs none twice', {
  timeout: 40_000,
}, async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const relay = await stage.relay(server.url, { ...STORM, lost: 0 });
  const client = stage.client(relay.url, {}, QUICK);
  await client.enter({ number: 0 });
  await ask(relay.child, { lost: 70, doubled: 30, late: 30 });
  const calls = Array.from({ length: 1000 }, (_, i) => client.enter({ number: i + 1 }, { timeout: 200 }));
  const { done = 0, DEADLINE_EXCEEDED: late = 0, ...others } = await outcomes(calls);
  expect(others).toEqual({});
  expect(done + late).toBe(1000);
  expect(late).toBeGreaterThan(0);
  expectOnceAtMost(await tallyOf(server.child));
});

it('never runs a call again that a killed server had, and says that it cannot know', { timeout: 30_000 }, async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const client = stage.client(server.url);
  await client.enter({ number: 1 });
  const calls = Array.from({ length: 20 }, (_, i) => client.ponder({ number: 63 + 64 * i }));
  const ended = Promise.allSettled(calls);
  server.child.kill('SIGKILL');
  await once(server.child, 'exit');
  const next = await stage.server(server.url);
  for (const one of await ended) {
    expect(one.status).toBe('rejected');
    const { code, reason, message } = (one as PromiseRejectedResult).reason as RpcError;
    expect([code, reason]).toEqual(['UNAVAILABLE', 'PEER_DIED']);
    expect(message).toContain('Whether calls under way were run is not known');
  }
  expect((await tallyOf(next.child)).size).toBe(0);
  // The next call greets the new server.
  expect(await client.enter({ number: 2 })).toEqual({ number: 2 });
});

describe('when the server behind a bad way is killed, and another takes its place', () => {
  let folder: string;
  let journal: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'callgate-udp-'));
    journal = join(folder, 'journal');
    writeFileSync(journal, '');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What both servers have run, and how often. */
  function runs(): Map<number, number> {
    const tally = new Map<number, number>();
    for (const line of readFileSync(journal, 'utf8').split('\n')) {
      if (line !== '') tally.set(Number(line), (tally.get(Number(line)) ?? 0) + 1);
    }
    return tally;
  }

  async function replace(stage: Stage, server: { child: ChildProcess; url: string }): Promise<void> {
    server.child.kill('SIGKILL');
    await once(server.child, 'exit');
    await stage.server(server.url, {}, journal);
  }

  it('awaited calls end in UNAVAILABLE, and none is run by both', { timeout: 40_000 }, async () => {
    await using stage = new Stage();
    const server = await stage.server('udp:0', {}, journal);
    const relay = await stage.relay(server.url, { ...STORM, seed: 13 });
    const client = stage.client(relay.url, { timeout: 20_000 }, QUICK);
    for (let number = 1; number <= 50; number++) await client.enter({ number });
    const numbers = Array.from({ length: 300 }, (_, i) => 100 + i);
    const calls = numbers.map((number) => (number % 3 === 0 ? client.ponder : client.enter)({ number }));
    const ended = Promise.allSettled(calls);
    await Promise.race(calls);
    server.child.kill('SIGKILL');
    await once(server.child, 'exit');
    // Nobody says that there is no server: a call waits, as long as it may.
    const alone = await failure(client.enter({ number: 400 }, { timeout: 100 }));
    expect(alone).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
    await stage.server(server.url, {}, journal);
    const outcomesByNumber = new Map((await ended).map((outcome, i) => [numbers[i]!, outcome]));
    const tally = runs();
    expectOnceAtMost(tally);
    let lost = 0;
    for (const [number, outcome] of outcomesByNumber) {
      if (outcome.status === 'fulfilled') {
        expect([outcome.value.number, tally.get(number)]).toEqual([number, 1]);
        continue;
      }
      lost++;
      expect(outcome.reason).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
      expect((outcome.reason as RpcError).message).toContain(
        'does not know this link any more: it has restarted, or has dropped it. Whether calls under way were run is not known; none is run again',
      );
    }
    expect(lost).toBeGreaterThan(0);
    // The next call greets the new server.
    expect(await client.enter({ number: 1000 })).toEqual({ number: 1000 });
    expectOnceAtMost(runs());
  });

  it('blocking calls do, too', { timeout: 40_000 }, async () => {
    await using stage = new Stage();
    const server = await stage.server('udp:0', {}, journal);
    const relay = await stage.relay(server.url, { ...STORM, seed: 14 });
    const calling = stage.start('caller', relay.url, JSON.stringify(QUICK), 1, 400, 0);
    await expect.poll(() => runs().size, { timeout: 20_000 }).toBeGreaterThan(100);
    await replace(stage, server);
    const { said } = await calling;
    const { done = 0, UNAVAILABLE: lost = 0, ...others } = said as Record<string, number>;
    expect([done + lost, others]).toEqual([400, {}]);
    expect(lost).toBeGreaterThan(0);
    const tally = runs();
    expectOnceAtMost(tally);
    expect(tally.size).toBeGreaterThanOrEqual(done);
  });
});

it('asks once over a long way, when it has learned how long that is', async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const relay = await stage.relay(server.url, { seed: 1, lost: 0, doubled: 0, late: 0, far: 40 });
  const client = stage.client(relay.url, {}, { resendMs: 10 });
  await client.enter({ number: 0 });
  const asked: number[] = [];
  for (let number = 1; number <= 12; number++) {
    const before = await ask<number>(relay.child, 'asked');
    await client.ponder({ number: 64 * number });
    asked.push((await ask<number>(relay.child, 'asked')) - before);
  }
  expect(asked[0]).toBeGreaterThan(1);
  expect(asked.slice(4)).toContain(1);
  expectOnceAtMost(await tallyOf(server.child));
});

it('waits for a server that is to come, if asked to', async () => {
  await using stage = new Stage();
  const first = await stage.server();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const impatient = stage.client(first.url);
  expect(await failure(impatient.enter({ number: 1 }, { timeout: 'never' }))).toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'UNREACHABLE',
  });
  const patient = stage.client(first.url, {}, { whileUnreachable: 'wait' });
  const call = patient.enter({ number: 1 }, { timeout: 'never' });
  await stage.server(first.url);
  expect(await call).toEqual({ number: 1 });
});

it('goes on asking a stopped server, without a deadline, until it answers', async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const client = stage.client(server.url);
  await client.enter({ number: 1 });
  server.child.kill('SIGSTOP');
  const call = client.enter({ number: 2 }, { timeout: 'never' });
  expect(await failure(client.enter({ number: 3 }, { timeout: 100 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  server.child.kill('SIGCONT');
  expect(await call).toEqual({ number: 2 });
  expectOnceAtMost(await tallyOf(server.child));
});

it('begins an immediate call only if a handler answers the probe', async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const relay = await stage.relay(server.url, { seed: 1, lost: 0, doubled: 0, late: 0 });
  const client = stage.client(relay.url, { immediateGraceMs: 2000 });
  expect(await client.enter({ number: 1 }, { timeout: 'immediate' })).toEqual({ number: 1 });
  await ask(relay.child, { lost: 100, doubled: 0, late: 0 });
  const error = await failure(client.enter({ number: 2 }, { timeout: 'immediate' }));
  expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'NOT_READY' });
  await ask(relay.child, { lost: 0, doubled: 100, late: 0 });
  expect(await client.enter({ number: 3 }, { timeout: 'immediate' })).toEqual({ number: 3 });
  const tally = await tallyOf(server.child);
  expect([...tally.keys()]).toEqual([1, 3]);
  expectOnceAtMost(tally);
});

it('is understood by a program that has nothing but a socket', async () => {
  await using stage = new Stage();
  const server = await stage.server();
  const program = `
import os, socket, struct, sys, zlib
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
s.connect(("127.0.0.1", int(sys.argv[1])))
link = os.urandom(8)
def head(kind, word=0): return struct.pack("<HBBI", 0x4755, 1, kind, word) + link
def ask(datagram, kind):
    s.send(datagram)
    while True:
        answer = s.recv(2048)
        if answer[3] == kind: return answer
s.send(b"garbage"); s.send(bytes(100))
welcome = ask(head(1) + struct.pack("<QII", 0, 1400, 0), 2)
word, token = struct.unpack("<I8xQ", welcome[4:24])
ask(head(3, word) + struct.pack("<QII", token, 1400, 0), 4)
method = zlib.crc32(b"test.Ledger/Enter")
payload = struct.pack("<I", 4711)
envelope = struct.pack("<HBBHBxIIIIII", 0x4743, 1, 2, 0, 0, len(payload), 0, 1, method, 0x7fffffff, 0)
request = head(5) + struct.pack("<HBxIII", 0x4c41, 1, 1, 1, 0) + envelope + payload
replies = [ask(request, 5) for i in range(3)]
assert replies[0] == replies[1] == replies[2]
role, number, call, status = replies[0][18], struct.unpack("<I", replies[0][20:24])[0], struct.unpack("<I", replies[0][48:52])[0], replies[0][38]
print(role, number, call, status, struct.unpack("<I", replies[0][64:68])[0])
`;
  const port = server.url.slice(server.url.lastIndexOf(':') + 1);
  const { stdout } = await promisify(execFile)('python3', ['-c', program, port], { timeout: 20_000 });
  expect(stdout).toBe('2 1 1 0 4711\n');
  expect([...(await tallyOf(server.child))]).toEqual([[4711, 1]]);
});
