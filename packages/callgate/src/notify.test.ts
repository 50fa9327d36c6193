import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient, createServer, createSyncClient, type Interceptor } from './index.js';
import { Answered, Bell, Chime, Grown, Shut } from './testing/bell.js';
import { cleanEnvironment, runNode } from './testing/run.js';

const uid = process.getuid?.();
let folder: string;
let url: string;
let server: ChildProcess | undefined;
let lines: AsyncIterator<string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-notify-'));
  url = `signal:${folder}/bell`;
});
afterEach(() => {
  server?.kill('SIGKILL');
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function line(): Promise<unknown> {
  const next = await lines.next();
  return next.done ? 'ended' : JSON.parse(next.value);
}

async function serve(options: object = {}): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('./testing/bell.child.js', import.meta.url));
  server = spawn(process.execPath, [program, url, JSON.stringify(options)], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  lines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]();
  expect(await line()).toEqual({ urls: [url] });
  return server;
}

async function tell(command: string): Promise<void> {
  server?.stdin?.write(`${command}\n`);
  expect(await line()).toEqual({ did: command });
}

/** Calls from another process, blocking, once with each timeout. */
async function callBlocking(...timeouts: unknown[]): Promise<unknown[]> {
  const program = new URL('./testing/bell.sync.child.js', import.meta.url);
  const { stdout } = await runNode(program, [url, ...timeouts.map((timeout) => JSON.stringify(timeout))]);
  return stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
}

describe('A service over signals', () => {
  test('is called by ordinary stubs and runs ordinary handlers, which see who called.', async () => {
    const { pid } = await serve({ signals: { Ring: 'SIGUSR2' } });
    const room: unknown[] = [];
    const interceptor: Interceptor = (call, next) => {
      room.push(call.carriesMetadata);
      return next(call);
    };
    const client = createClient(Bell, url, { interceptors: [interceptor] });
    const from = { pid: process.pid, uid, claimed: true };
    for (const number of [1, 2, 4_294_967_295]) await client.visit?.({ number });
    for (const number of [1, 2, 4_294_967_295]) {
      expect(await line()).toEqual({ method: 'visit', number, from, path: 'house.Bell/Visit' });
    }
    await client.chill?.({ celsius: -40 });
    expect(await line()).toMatchObject({ method: 'chill', celsius: -40 });
    await client.ring?.({});
    // Sent as kill(2) does: the kernel itself says by whom.
    expect(await line()).toMatchObject({ method: 'ring', from: { ...from, claimed: false } });
    expect(client.$channel.peer).toEqual({
      address: url,
      credentials: { pid, uid, gid: process.getgid?.() },
    });
    const refused = await client.visit?.({ number: 1 }, { metadata: { user: 'Ada' } }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED' });
    expect(String(refused)).toContain('carries no metadata: it has room for a method and 32 bits only');
    expect(new Set(room)).toEqual(new Set([false]));
    await client.$close();
    server?.stdin?.end();
    expect(await line()).toBe('closed');
    expect(await once(server!, 'exit')).toEqual([0, null]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is held and released by its server; what came meanwhile is handled then, in order.', async () => {
    await serve();
    const client = createClient(Bell, url);
    await tell('hold');
    for (let number = 0; number < 20; number++) await client.visit?.({ number });
    await tell('release');
    for (let number = 0; number < 20; number++) expect(await line()).toMatchObject({ method: 'visit', number });
    await client.$close();
  });

  test('is called by a blocking stub, which returns when the receiver has taken it, with all three timeouts.', async () => {
    await serve();
    expect(await callBlocking('never', 'immediate', 5000)).toEqual(['taken', 'taken', 'taken']);
    for (let i = 0; i < 3; i++) expect(await line()).toMatchObject({ method: 'visit', number: 7 });
    await tell('hold');
    const [late, unready] = (await callBlocking(80, 'immediate')) as { code: string; afterMs: number }[];
    expect(late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(late?.afterMs).toBeGreaterThanOrEqual(80);
    expect(unready).toMatchObject({ code: 'UNAVAILABLE', reason: 'NOT_READY' });
    await tell('release');
    expect(await line()).toMatchObject({ method: 'visit', number: 7 });
  });

  test('tells a caller that its server has gone.', async () => {
    await serve();
    const client = createClient(Bell, url);
    await client.ring?.({});
    server?.kill('SIGKILL');
    await once(server!, 'exit');
    await expect(client.ring?.({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await client.$close();
  });

  test('must have one-way methods only, of 32 bits at most: told when the client is made, and when the server listens.', async () => {
    const words = "house.Answered/Ask can't be a notification: it is answered";
    expect(() => createClient(Answered, url)).toThrow(words);
    expect(() => createSyncClient(Answered, url)).toThrow(words);
    const bad = createServer().add(Answered, { ask: (request: object) => request } as never);
    await expect(bad.listen(url)).rejects.toThrow(/one-way|notification/);
    await bad.close();
    expect(() => createClient(Bell, url, { direction: 'duplex' })).toThrow(/direction duplex.*capability directions/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('refuses a method that the receiver does not listen for, naming those for which it does.', async () => {
    await serve();
    const client = createClient(Grown, url);
    await expect(client.knock?.({})).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      reason: 'UNKNOWN_METHOD',
      message: `the peer at ${url} does not listen for house.Grown/Knock; it listens for house.Bell/Ring, house.Bell/Visit, house.Bell/Chill`,
    });
    await client.$close();
  });

  test('has the signals that its .proto chooses for its methods, unless the server says otherwise.', async () => {
    const heard: unknown[] = [];
    const handlers = {
      strike: () => heard.push('strike'),
      count: ({ number }: { number: number }) => heard.push(number),
    };
    const announced = (): string[] => readFileSync(`${folder}/bell`, 'utf8').match(/^signal .*/gm) ?? [];
    const first = createServer().add(Chime, handlers as never);
    await first.listen(url);
    expect(announced()).toEqual([
      'signal 12 house.Chime/Strike',
      expect.stringMatching(/^signal (39|40) house.Chime\/Count uint32$/),
    ]);
    await using client = createClient(Chime, url);
    await client.strike?.({});
    await client.count?.({ number: 12 });
    await expect.poll(() => heard).toEqual(['strike', 12]);
    await first.close();
    const second = createServer().add(Chime, handlers as never);
    await second.listen(url, { signals: { Strike: 'SIGHUP' } });
    expect(announced()[0]).toBe('signal 1 house.Chime/Strike');
    await second.close();
    const third = createServer().add(Shut, { down: () => undefined } as never);
    await expect(third.listen(url)).rejects.toThrow(
      'house.Shut/Down: its option (callgate.signal) is "SIGTERM": expected SIGRTMIN, ',
    );
    await third.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('refuses a value that is out of range before anything is sent.', async () => {
    await serve();
    const client = createClient(Bell, url);
    await expect(client.visit?.({ number: 2 ** 32 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('house.Guest.number'),
    });
    await client.visit?.({ number: 3 });
    expect(await line()).toMatchObject({ method: 'visit', number: 3 });
    await client.$close();
  });

  test('can not be held on transports that keep nothing in the kernel.', async () => {
    const plain = createServer().add(Answered, { ask: (request: object) => request } as never);
    await plain.listen(`unix:${folder}/plain.sock`);
    expect(() => plain.hold()).toThrow(/none of this server's transports/);
    await plain.close();
  });
});
