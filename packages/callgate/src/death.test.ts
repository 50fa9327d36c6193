import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CallContext,
  type ChannelEnd,
  type Client,
  createClient,
  createServer,
  createSyncClient,
  type RpcError,
  type Server,
} from './index.js';
import { spawnWithPipes } from './pipe.js';
import { Echo } from './testing/echo.js';

const program = fileURLToPath(new URL('./testing/mortal.child.js', import.meta.url));
const schemes = ['shm', 'unix', 'tcp', 'pipe', 'fifo'] as const;
type Scheme = (typeof schemes)[number];

let scratch: string;
let endings: (() => unknown)[];
let places: number;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'callgate-death-'));
  places = 0;
  endings = [];
});
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts the child, which serves or calls, or serves and calls `calls`; gives where it does, once it does. */
async function start(
  scheme: Scheme,
  what: 'serve' | 'call',
  ...calls: string[]
): Promise<{ child: ChildProcess; url: string }> {
  const piped = scheme === 'pipe';
  const at = piped ? 'pipe:inherited' : await freshUrl(scheme);
  const started = piped
    ? await spawnWithPipes(process.execPath, [program, what, at, ...calls], { stdio: ['pipe', 'ignore', 'pipe'] })
    : {
        process: spawn(process.execPath, [program, what, at, ...calls], { stdio: ['pipe', 'ignore', 'pipe'] }),
        url: at,
      };
  const child = started.process;
  const exited = once(child, 'exit');
  endings.push(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  for await (const line of createInterface(child.stderr!)) {
    if (line === 'ready') break;
    expect.unreachable(line);
  }
  return { child, url: started.url };
}

/** Where nobody listens now. */
async function freshUrl(scheme: Scheme): Promise<string> {
  if (scheme !== 'tcp') return `${scheme}:${join(scratch, `echo${++places}`)}`;
  const server = createServer();
  const [url] = await server.listen('tcp:127.0.0.1:0');
  await server.close();
  return url!;
}

function clientOf(url: string): Client<typeof Echo> {
  const client = createClient(Echo, url, { timeout: 15_000 });
  endings.push(() => client.$close());
  return client;
}

const failure = (call: Promise<unknown>): Promise<RpcError> =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (error: RpcError) => error,
  );

/** As many turns of the event loop as a second notice would need. */
async function aWhile(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
}

/** Looks without letting the event loop turn. */
function blockUntilDead(pid: number): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const until = performance.now() + 10_000;
  while (performance.now() < until) {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))) return;
    Atomics.wait(sleeper, 0, 0, 2);
  }
  expect.unreachable('the child lives on');
}

/** Serves in this process, never answers, and notes what it is told of who calls. */
async function watch(): Promise<{
  serve(url: string): Promise<void>;
  begun: Promise<CallContext>;
  deaths: ChannelEnd[];
}> {
  let began!: (context: CallContext) => void;
  const begun = new Promise<CallContext>((resolve) => {
    began = resolve;
  });
  const deaths: ChannelEnd[] = [];
  const server = createServer();
  endings.push(() => server.close({ timeoutMs: 0 }));
  server.onPeerDeath((end) => deaths.push(end));
  server.add(Echo, {
    shout: (_request, context) => {
      context.channel.onPeerDeath((end) => deaths.push(end));
      began(context);
      return new Promise(() => undefined);
    },
  });
  return {
    serve: async (url) => {
      await server.listen(url);
    },
    begun,
    deaths,
  };
}

async function expectTold({ begun, deaths }: Awaited<ReturnType<typeof watch>>, how: How): Promise<void> {
  const { channel, signal, peer } = await begun;
  const told = await channel.closed;
  expect(told).toMatchObject({ by: 'peer', orderly: how === 'close', peer });
  expect(signal.aborted).toBe(true);
  await aWhile();
  expect(deaths).toEqual(how === 'close' ? [] : [told, told]);
}

type How = 'kill' | 'stop and kill' | 'exit' | 'close';
const hows: readonly How[] = ['kill', 'stop and kill', 'exit', 'close'];

function end(child: ChildProcess, how: How): void {
  if (how !== 'stop and kill') {
    child.stdin?.write(`${how}\n`);
    return;
  }
  child.kill('SIGSTOP');
  child.kill('SIGKILL');
}

const died = { by: 'peer', orderly: false, error: { code: 'UNAVAILABLE', reason: 'PEER_DIED' } };

describe.each(schemes)('Over %s:', (scheme) => {
  it.each(hows)(
    'the end of a process (%s) is told once to who called it and whom it called: who, why, when.',
    async (how) => {
      const watching = await watch();
      // A pipe has two ends: who serves there can't call there, too.
      const called = scheme === 'pipe' ? undefined : await freshUrl(scheme);
      if (called !== undefined) await watching.serve(called);
      const { child, url } = await start(scheme, 'serve', ...(called === undefined ? [] : [called]));
      const client = clientOf(url);
      const heard: ChannelEnd[] = [];
      client.$channel.onPeerDeath((end) => heard.push(end));
      const unwanted = client.$channel.onPeerDeath(() => expect.unreachable('taken off'));
      unwanted();
      const { closed } = client.$channel;
      await client.shout({ text: 'a' });
      const { peer } = client.$channel;
      const before = Date.now();
      const hanging = failure(client.shout({ text: 'hang' }));
      await client.shout({ text: 'b' });
      if (called !== undefined) await watching.begun;
      end(child, how);
      const why = how === 'close' ? { reason: 'EPITAPH' } : died.error;
      expect(await hanging).toMatchObject({ code: 'UNAVAILABLE', ...why });
      const told = await closed;
      expect(told).toMatchObject({ by: 'peer', orderly: how === 'close', error: why, peer });
      if (how === 'close') expect((await hanging).message).toContain('the server closed: moved to the café');
      if (how === 'close') expect(told.error.message).toBe('the server closed: moved to the café');
      expect(told.at.getTime()).toBeGreaterThanOrEqual(before);
      await aWhile();
      // An orderly close is no death.
      expect(heard).toEqual(how === 'close' ? [] : [told]);
      expect(await client.$channel.closed).toBe(told);
      if (called !== undefined) await expectTold(watching, how);
    },
  );

  it('replies that arrived are delivered before the death is told.', async () => {
    const { child, url } = await start(scheme, 'serve');
    const client = clientOf(url);
    await client.shout({ text: 'a' });
    const heard: string[] = [];
    client.$channel.onPeerDeath(() => heard.push('death'));
    const calls = Array.from({ length: 20 }, (_, i) =>
      client.shout({ text: `${i}` }).then(
        ({ text }) => heard.push(text),
        () => heard.push('failed'),
      ),
    );
    const killed = failure(client.shout({ text: 'kill' })).then(() => heard.push('failed'));
    // The requests are on their way after this turn; the replies and the end are then found together.
    await new Promise((resolve) => setImmediate(resolve));
    blockUntilDead(child.pid!);
    await Promise.all([...calls, killed]);
    await expect.poll(() => heard.at(-1), { timeout: 10_000 }).toBe('death');
    expect(heard).toEqual([...Array.from({ length: 20 }, (_, i) => `${i}`), 'failed', 'death']);
  });
});

describe('Over pipe:', () => {
  it('the death of a client is told to the server and its handlers.', async () => {
    const watching = await watch();
    const { child, url } = await start('pipe', 'call');
    await watching.serve(url);
    await watching.begun;
    end(child, 'kill');
    await expectTold(watching, 'kill');
  });
});

describe('The end of a connection', () => {
  it('is told for each connection anew, and of the last one while there is none.', async () => {
    const url = `unix:${join(scratch, 'echo')}`;
    const serve = async (): Promise<Server> => {
      const server = createServer();
      server.add(Echo, { shout: (request) => request });
      await server.listen(url);
      return server;
    };
    const client = clientOf(url);
    const first = client.$channel.closed;
    for (const epitaph of ['one', 'two']) {
      const server = await serve();
      await client.shout({ text: 'a' });
      const { closed } = client.$channel;
      await server.close({ epitaph });
      expect((await closed).error.message).toBe(`the server closed: ${epitaph}`);
      expect(client.$channel.closed).toBe(closed);
    }
    expect((await first).error.message).toBe('the server closed: one');
  });

  it('is there for a client that is closed before it ever called.', async () => {
    const client = createClient(Echo, `unix:${join(scratch, 'nobody')}`);
    const { closed } = client.$channel;
    await client.$close();
    const end = await closed;
    expect(end).toMatchObject({ by: 'local', orderly: true, peer: undefined, error: { reason: 'CLOSED' } });
  });

  it('is known to a blocking client when it calls next, and to its listeners when its event loop turns.', async () => {
    const { child, url } = await start('shm', 'serve');
    const client = createSyncClient(Echo, url, { timeout: 10_000 });
    endings.push(() => client.$close());
    client.shout({ text: 'a' });
    const { closed } = client.$channel;
    const heard: ChannelEnd[] = [];
    client.$channel.onPeerDeath((end) => heard.push(end));
    child.kill('SIGKILL');
    blockUntilDead(child.pid!);
    expect(() => client.shout({ text: 'b' })).toThrow();
    expect(await closed).toMatchObject({ by: 'peer', orderly: false, error: { reason: 'PEER_DIED' } });
    await aWhile();
    expect(heard).toHaveLength(1);
  });
});
