import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CallContext,
  type Client,
  type ClientSettings,
  createClient,
  createServer,
  createSyncClient,
  type Handlers,
  offer,
  type PeerChannel,
  type RpcError,
  type Server,
  type TransportOptions,
} from './index.js';
import { Callback } from './testing/callback.js';
import { Echo, type Text } from './testing/echo.js';
import { Notes } from './testing/notes.js';

const program = fileURLToPath(new URL('./testing/offering.child.js', import.meta.url));
const schemes = ['shm', 'unix', 'tcp', 'fifo', 'inproc'] as const;

let scratch: string;
let endings: (() => unknown)[];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'callgate-callbacks-'));
  endings = [];
});
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  rmSync(scratch, { recursive: true, force: true });
});

type Shout = (request: Text, context: CallContext) => Text | Promise<Text>;

/** Serves Echo in this thread. */
async function serve(
  scheme: string,
  shout: Shout,
  transport?: TransportOptions,
): Promise<{ server: Server; url: string }> {
  const server = createServer({ onError: (error) => expect.unreachable(error.message) });
  server.add(Echo, { shout });
  endings.push(() => server.close({ timeoutMs: 0 }));
  const place =
    scheme === 'tcp' ? '127.0.0.1:0' : scheme === 'inproc' ? scratch.replaceAll('/', '-') : join(scratch, 'echo');
  const [url] = await server.listen(`${scheme}:${place}`, transport);
  return { server, url: url! };
}

/** A client in this thread that offers Callback. */
function offering(url: string, shout: Shout, settings: ClientSettings<'duplex'> = {}): Client<typeof Echo> {
  const handlers: Handlers<typeof Callback> = { shout };
  const client = createClient(Echo, url, { timeout: 25_000, ...settings, offers: [offer(Callback, handlers)] });
  endings.push(() => client.$close());
  return client;
}

function child(url: string, ...args: string[]): { child: ChildProcess; says(line: string): Promise<void> } {
  const started = spawn(process.execPath, [program, url, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
  const exited = once(started, 'exit');
  endings.push(async () => {
    started.kill('SIGKILL');
    await exited;
  });
  const lines = createInterface(started.stderr!)[Symbol.asyncIterator]();
  const says = async (line: string): Promise<void> => {
    expect(await lines.next()).toEqual({ done: false, value: line });
  };
  return { child: started, says };
}

const failure = (call: Promise<unknown>): Promise<RpcError> =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (error: RpcError) => error,
  );

describe.each(schemes)('Over %s:', (scheme) => {
  it('a handler calls what its caller offers, over the connection of the call.', async () => {
    const { server, url } = await serve(scheme, async ({ text }, context) => {
      const { text: back } = await context.client(Callback).shout({ text: `${text}?` });
      return { text: `they said ${back}` };
    });
    const client = offering(url, ({ text }, { path }) => ({ text: `${path} ${text.toUpperCase()}` }));
    expect(await client.shout({ text: 'why' })).toEqual({ text: 'they said test.Callback/Shout WHY?' });
    expect(server.stats()).toMatchObject({ links: 1, running: 0 });
  });

  it('calls of both sides at the same time, whose ids are the same, do not meet.', async () => {
    const { url } = await serve(scheme, async ({ text }, context) => {
      const { text: back } = await context.client(Callback).shout({ text: `s${text}` });
      return { text: `${text} ${back}` };
    });
    const client = offering(url, async ({ text }) => {
      await Promise.resolve();
      return { text: `c${text}` };
    });
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`);
    const replies = await Promise.all(texts.map((text) => client.shout({ text })));
    expect(replies.map(({ text }) => text)).toEqual(texts.map((text) => `${text} cs${text}`));
  });
});

describe.each([
  ['shm', { ringBytes: 65_536, maxMessageBytes: 20_000 }],
  ['unix', {}],
] as const)('Over %s:', (scheme, options) => {
  it('both sides flood each other, with far more than the link holds, and everything is answered.', async () => {
    const calls = 4000;
    let channel: PeerChannel | undefined;
    const serving = await serve(
      scheme,
      (request, context) => {
        channel ??= context.channel;
        return request;
      },
      options,
    );
    const client = offering(serving.url, (request) => request, { transport: options });
    await client.shout({ text: '' });
    const back = channel!.client(Callback);
    const texts = Array.from({ length: calls }, (_, i) => `${i}`.padEnd(1000, '.'));
    const [there, here] = await Promise.all([
      Promise.all(texts.map((text) => client.shout({ text }))),
      Promise.all(texts.map((text) => back.shout({ text }))),
    ]);
    expect(there.map(({ text }) => text)).toEqual(texts);
    expect(here.map(({ text }) => text)).toEqual(texts);
  });

  it('a client that is killed fails what is called back, and a server that goes stops what it called.', async () => {
    let channel: PeerChannel | undefined;
    const { url, server } = await serve(scheme, (request, context) => {
      channel = context.channel;
      return request;
    });
    const first = child(url, 'keepAlive');
    await first.says('called');
    const hanging = failure(channel!.client(Callback).shout({ text: 'hang' }));
    await first.says('hanging');
    first.child.kill('SIGKILL');
    expect(await hanging).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED', failed: 'channel' });
    const late = await failure(channel!.client(Callback).shout({ text: 'late' }));
    expect(late).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
    expect(channel!.client(Callback).$channel.lastEnd).toMatchObject({ by: 'peer', orderly: false });

    let stopped: unknown;
    const client = offering(url, (_request, { signal }) => {
      signal.addEventListener('abort', () => {
        stopped = signal.reason;
      });
      return new Promise(() => undefined);
    });
    await client.shout({ text: '' });
    const back = failure(channel!.client(Callback).shout({ text: 'hang' }));
    await server.close({ timeoutMs: 0 });
    expect(await back).toMatchObject({ code: 'CANCELLED', message: 'test.Callback/Shout: the server was closed' });
    await expect.poll(() => stopped, { timeout: 10_000 }).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });
  });
});

describe('What a client offers', () => {
  it('can be called for as long as the connection lives, also when no handler works for it.', async () => {
    const channels: PeerChannel[] = [];
    const { url } = await serve('unix', (request, { channel }) => {
      channels.push(channel);
      return request;
    });
    const client = offering(url, ({ text }) => ({ text: text.toUpperCase() }));
    await client.shout({ text: '' });
    const back = channels[0]!.client(Callback);
    expect(channels[0]!.client(Callback)).toBe(back);
    expect(await back.shout({ text: 'news' })).toEqual({ text: 'NEWS' });
    await back.$close();
    expect(await back.shout({ text: 'more' })).toEqual({ text: 'MORE' });
    await client.$close();
    const end = await channels[0]!.closed;
    expect(end).toMatchObject({ by: 'peer', orderly: true });
    expect(await failure(back.shout({ text: 'late' }))).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });
  });

  it('has timeouts, cancellation and limits like any service.', async () => {
    let channel: PeerChannel | undefined;
    const { url } = await serve('shm', (request, context) => {
      channel = context.channel;
      return request;
    });
    const stopped: unknown[] = [];
    const client = offering(
      url,
      (_request, { signal }) => {
        signal.addEventListener('abort', () => stopped.push(signal.reason.code));
        return new Promise(() => undefined);
      },
      // The first one's handler never ends, though nobody waits for it any more.
      { serving: { maxConcurrentCalls: 3, maxQueuedCalls: 0 } },
    );
    await client.shout({ text: '' });
    const back = channel!.client(Callback, { timeout: 30 });
    expect(await failure(back.shout({ text: 'late' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const enough = new AbortController();
    const running = [1, 2].map(() => failure(back.shout({ text: '' }, { timeout: 'never', signal: enough.signal })));
    expect(await failure(back.shout({ text: 'third' }, { timeout: 'never' }))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    enough.abort(new Error('enough'));
    for (const call of running) expect(await call).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => stopped.length, { timeout: 10_000 }).toBe(3);
  });

  it.each(['close', 'drain'] as const)('is waited for by a server that is to %s.', async (how) => {
    let channel: PeerChannel | undefined;
    const { url, server } = await serve('unix', (request, context) => {
      channel = context.channel;
      return request;
    });
    let go!: () => void;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const client = offering(url, async (request) => {
      await gate;
      return request;
    });
    await client.shout({ text: '' });
    const back = channel!.client(Callback).shout({ text: 'last' });
    const closed = server[how]({ timeoutMs: 20_000 });
    setImmediate(go);
    expect(await back).toEqual({ text: 'last' });
    await closed;
  });

  it('is told apart from what it does not, in words.', async () => {
    const { url } = await serve('unix', async (_request, context) => ({
      text: (await failure(context.client(Callback).shout({ text: '' }))).message,
    }));
    const plain = createClient(Echo, url);
    endings.push(() => plain.$close());
    expect((await plain.shout({ text: '' })).text).toMatch(
      /^the client at .* does not offer test.Callback; it offers no service$/,
    );
    const other = createClient(Echo, url, { offers: [offer(Notes, { note: () => undefined })] });
    endings.push(() => other.$close());
    expect((await other.shout({ text: '' })).text).toMatch(/ does not offer test.Callback; it offers test.Notes$/);
  });

  it('can only be offered where the server can call: the words name the capability.', async () => {
    const offers = [offer(Callback, { shout: (request) => request })];
    expect(() => createClient(Echo, 'mq:nobody', { offers })).toThrow(
      /can't offer anything there: .* \(capability greeting\)/,
    );
    expect(() => createClient(Echo, 'udp:127.0.0.1:1', { offers })).toThrow(/capability greeting/);
    expect(() => createClient(Notes, 'fifo:nobody', { direction: 'send', offers })).toThrow(/capability directions/);
    const blocking = { offers } as object;
    expect(() => createSyncClient(Echo, 'unix:nobody', blocking)).toThrow(
      "unix:nobody: a client can't offer anything there: its calls block, and a thread that blocks can serve nothing: use createClient",
    );
    expect(() => createClient(Echo, 'unix:nobody', { offers: [...offers, ...offers] })).toThrow(
      'offers: test.Callback is offered twice',
    );
  });

  it('does not exist where no greeting is exchanged, or nothing can come back.', async () => {
    const words: string[] = [];
    const server = createServer();
    endings.push(() => server.close({ timeoutMs: 0 }));
    server.add(Notes, {
      note: (_request, context) => {
        try {
          context.client(Callback);
        } catch (error) {
          words.push(`${(error as RpcError).code} ${(error as RpcError).message}`);
        }
      },
    });
    const [udp] = await server.listen('udp:127.0.0.1:0');
    const [oneWay] = await server.listen(`fifo:${join(scratch, 'notes')}`, { direction: 'receive' });
    for (const [at, direction] of [
      [udp, 'duplex'],
      [oneWay, 'send'],
    ] as const) {
      const client = createClient(Notes, at, { direction });
      await client.note({ text: '' });
      await expect.poll(() => words.length, { timeout: 10_000 }).toBe(direction === 'duplex' ? 1 : 2);
      await client.$close();
    }
    expect(words[0]).toMatch(
      /^FAILED_PRECONDITION test.Callback: the client at .* can't be called: .* \(capability greeting\)$/,
    );
    expect(words[1]).toMatch(
      /^FAILED_PRECONDITION test.Callback: the client at .* can't be called: .* \(capability directions\)$/,
    );
  });

  it('is called by the server alone: the client itself has a client.', async () => {
    const { url } = await serve('unix', (request, context) => context.client(Callback).shout(request));
    const client = offering(url, (_request, context) => {
      context.client(Echo);
      return { text: '' };
    });
    expect(await failure(client.shout({ text: '' }))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('calls over it by the client that it has made'),
    });
  });

  it('does not keep the process of the client alive when no call is in flight, unless it is to.', async () => {
    let channel: PeerChannel | undefined;
    const { url } = await serve('unix', (request, context) => {
      channel = context.channel;
      return request;
    });
    const brief = child(url);
    await brief.says('called');
    if (brief.child.exitCode === null) expect(await once(brief.child, 'exit')).toEqual([0, null]);

    const lasting = child(url, 'keepAlive');
    await lasting.says('called');
    const back = channel!.client(Callback);
    for (let i = 0; i < 3; i++) {
      expect(await back.shout({ text: 'still here' })).toEqual({ text: `still here from ${lasting.child.pid}` });
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const exited = once(lasting.child, 'exit');
    await back.shout({ text: 'leave' });
    expect(await exited).toEqual([0, null]);
  });
});
