import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { Worker } from 'node:worker_threads';
import { RpcError } from '@callgate/core/errors';
import {
  type Link,
  type Listener,
  parseAddress,
  type Transport,
  type TransportOptions,
} from '@callgate/core/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { tcpTransport } from '../index.js';
import { openSockets, tuningOf } from './testing/options.js';
import { transport as withoutAddon } from './testing/without-addon.js';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const soon = (): number => performance.now() + 5000;

async function listen(
  transport: Transport,
  url: string,
  options: TransportOptions = {},
): Promise<Listener & { links: Link[] }> {
  const links: Link[] = [];
  const listener = await transport.listen(parseAddress(url), options, (link) => links.push(link));
  endings.push(async () => {
    await listener.close();
    for (const link of links) link.abort();
  });
  return { ...listener, links };
}

async function connect(transport: Transport, url: string, options: TransportOptions = {}): Promise<Link> {
  const link = await transport.connect(parseAddress(url), options, soon());
  endings.push(() => link.abort());
  return link;
}

async function failure(action: () => unknown): Promise<RpcError> {
  try {
    await action();
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const both = [
  ['with the addon', tcpTransport],
  ['without the addon', withoutAddon],
] as const;

describe.each(both)('tcp %s', (_, transport) => {
  it.each(['tcp:127.0.0.1:0', 'tcp:[::1]:0', 'tcp:localhost:0', 'tcp:0'])(
    'is met at the port that the system chose for %s',
    async (url) => {
      const listener = await listen(transport, url);
      expect(listener.url).toMatch(/^tcp:\/\/(127\.0\.0\.1|\[::1\]):[1-9]\d*$/);
      const link = await connect(transport, listener.url);
      expect(link.peer).toEqual({ address: listener.url });
      await expect.poll(() => listener.links.length, { timeout: 5000 }).toBe(1);
      expect(listener.links[0]!.peer.address).toMatch(/^tcp:\/\/(127\.0\.0\.1|\[::1\]):\d+$/);
    },
  );

  it('is met under a name, whichever of its addresses the server has', async () => {
    const { url } = await listen(transport, 'tcp:127.0.0.1:0');
    await connect(transport, url.replace('127.0.0.1', 'localhost'));
  });

  it('says who is not there, and who is there already', async () => {
    const port = await freePort();
    const nobody = await failure(() => connect(transport, `tcp:${port}`));
    expect([nobody.code, nobody.reason]).toEqual(['UNAVAILABLE', 'UNREACHABLE']);
    expect(nobody.message).toBe(`cannot connect to tcp:${port}: nobody listens there; is the server running?`);
    const { url } = await listen(transport, 'tcp:0');
    const taken = await failure(() => listen(transport, url));
    expect([taken.code, taken.reason]).toEqual(['ALREADY_EXISTS', 'ADDRESS_IN_USE']);
  });

  it('says which name it cannot resolve', async () => {
    // Longer than a label of a name can be, so that no server is asked for it.
    const name = 'x'.repeat(64);
    for (const action of [connect, listen]) {
      const error = await failure(() => action(transport, `tcp:${name}:7000`));
      expect([error.code, error.reason]).toEqual(['UNAVAILABLE', 'UNREACHABLE']);
      expect(error.message).toBe(`the name "${name}" of tcp:${name}:7000 cannot be resolved to an address`);
    }
  });

  it('refuses port 0 for a client, and a rule that it cannot enforce', async () => {
    expect((await failure(() => connect(transport, 'tcp:0'))).reason).toBe('BAD_ADDRESS');
    const ruled = await failure(() => listen(transport, 'tcp:0', { allow: { uid: 0 } }));
    expect([ruled.code, ruled.reason]).toEqual(['FAILED_PRECONDITION', 'UNSUPPORTED']);
    expect(ruled.message).toContain('credentials');
  });
});

it('tunes both ends as it was told', async () => {
  const options = { keepAliveIdleMs: 6500, keepAliveIntervalMs: 2000, keepAliveCount: 4 };
  const listener = await listen(tcpTransport, 'tcp:0', options);
  const before = new Set(openSockets());
  await connect(tcpTransport, listener.url, options);
  await expect.poll(() => listener.links.length, { timeout: 5000 }).toBe(1);
  const made = openSockets().filter((fd) => !before.has(fd));
  expect(made.map(tuningOf)).toEqual([
    [1, 1, 7, 2, 4],
    [1, 1, 7, 2, 4],
  ]);
});

it('talks with a side that has no addon, both ways round', async () => {
  for (const [one, other] of [
    [tcpTransport, withoutAddon],
    [withoutAddon, tcpTransport],
  ] as const) {
    const listener = await listen(one, 'tcp:0');
    const link = await connect(other, listener.url);
    const { bytes, start } = link.claim(5)!;
    bytes.write('hello', start);
    link.commit(5);
    await link.close();
    await expect.poll(() => listener.links.length, { timeout: 5000 }).toBe(1);
    const accepted = listener.links[0]!;
    expect(await accepted.whenReadable(soon())).toBe(true);
    const span = accepted.receive()!;
    expect(span.bytes.toString('latin1', span.start, span.end)).toBe('hello');
    accepted.release();
    expect((await accepted.closed).orderly).toBe(true);
  }
});

it('delivers all that was sent before it closed, although more came in unread', async () => {
  const listener = await listen(tcpTransport, 'tcp:0');
  const link = await connect(tcpTransport, listener.url);
  await expect.poll(() => listener.links.length, { timeout: 5000 }).toBe(1);
  const accepted = listener.links[0]!;
  for (const end of [accepted, link]) {
    for (let i = 0; i < 10; i++) {
      if (end.claim(5000) === null) throw new Error('full');
      end.commit(5000);
    }
    end.flush();
  }
  const closed = link.close();
  let received = 0;
  while (!accepted.ended) {
    await accepted.whenReadable(soon());
    while (accepted.receive() !== null) {
      received++;
      accepted.release();
    }
  }
  await closed;
  expect(received).toBe(10);
  expect((await accepted.closed).orderly).toBe(true);
});

it('does not take a peer for dead that reads nothing, however long', async () => {
  // Its greeting is passed on from a server that knows how to greet.
  const stranger = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const greeted = listen(tcpTransport, 'tcp:0');
  stranger.on('connection', async (socket) => {
    endings.push(() => socket.destroy());
    const greeter = dial(Number((await greeted).url.split(':').at(-1)), '127.0.0.1');
    endings.push(() => greeter.destroy());
    greeter.pipe(socket);
  });
  endings.push(() => stranger.close());
  const { port } = stranger.address() as AddressInfo;
  const link = await connect(tcpTransport, `tcp:${port}`, { unansweredMs: 200 });
  // Until there has been no room for five times as long as a peer may leave something unanswered.
  while (await link.whenWritable(60_000, performance.now() + 1000)) {
    if (link.claim(60_000) === null) throw new Error('full');
    link.commit(60_000);
    link.flush();
  }
  expect(link.end).toBeUndefined();
});

it('refuses to block for a server of the own thread, and blocks for one of another', { timeout: 20_000 }, async () => {
  const { url } = await listen(tcpTransport, 'tcp:localhost:0');
  for (const at of [url, url.replace(/127\.0\.0\.1|\[::1\]/, 'localhost')]) {
    const error = await failure(() => tcpTransport.connectSync(parseAddress(at), {}, soon()));
    expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'SELF_DEADLOCK']);
  }
  const worker = new Worker(new URL('./testing/server.worker.js', import.meta.url));
  endings.push(() => worker.terminate());
  const [there] = (await once(worker, 'message')) as [string];
  const link = tcpTransport.connectSync(parseAddress(there), {}, soon());
  expect(link.peer.address).toBe(there);
  link.closeSync(soon());
});

it('says, blocking, that nobody is there', async () => {
  const port = await freePort();
  const error = await failure(() => tcpTransport.connectSync(parseAddress(`tcp:localhost:${port}`), {}, soon()));
  expect([error.code, error.reason]).toEqual(['UNAVAILABLE', 'UNREACHABLE']);
});
