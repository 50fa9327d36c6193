/** Datagrams that should not be: garbage, forgeries, and what is left of the past. */
import { spawnSync } from 'node:child_process';
import type { RpcError } from '@callgate/core/errors';
import { type Link, type Listener, parseAddress } from '@callgate/core/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { udpTransport } from '../index.js';
import { Kind, kindOf, Refusal, readGreeting, VERSION, writeGreeting } from './layout.js';
import { message, RawPeer, short } from './testing/raw.js';

let listener: Listener;
let port: number;
let links: Link[];
let errors: RpcError[];
let arrived: () => void;

async function listen(options = {}): Promise<void> {
  listener = await udpTransport.listen(
    parseAddress('udp:0'),
    options,
    (link) => {
      links.push(link);
      arrived();
    },
    (error) => errors.push(error),
  );
  port = Number(listener.url.slice(listener.url.lastIndexOf(':') + 1));
}

beforeEach(async () => {
  links = [];
  errors = [];
  arrived = () => undefined;
  await listen();
});

afterEach(async () => {
  for (const link of links) link.abort();
  await listener.close();
});

function connect(url = listener.url, options = {}, ms = 5000): Promise<Link> {
  return udpTransport.connect(parseAddress(url), options, performance.now() + ms);
}

async function accepted(): Promise<Link> {
  while (links.length === 0) {
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  }
  return links.at(-1)!;
}

function say(link: Link, text: string): void {
  const span = link.claim(text.length)!;
  span.bytes.write(text, span.start, 'latin1');
  link.commit(text.length);
}

async function hear(link: Link): Promise<string | null> {
  for (;;) {
    const span = link.receive();
    if (span !== null) {
      const found = span.bytes.toString('latin1', span.start, span.end);
      link.release();
      return found;
    }
    if (link.ended) return null;
    await link.whenReadable(Number.POSITIVE_INFINITY);
  }
}

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: RpcError) => error,
  );
}

it('is answered nothing to what cannot be read, and serves others meanwhile', async () => {
  await using stranger = await RawPeer.to(port);
  const garbage = [
    Buffer.alloc(0),
    Buffer.from('x'),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(2000, 0xff),
    short(Kind.HELLO, 1n),
    Buffer.concat([writeGreeting({ kind: Kind.HELLO, id: 1n }), Buffer.from('x')]),
    short(0, 1n),
    short(99, 1n),
    short(Kind.BYE, 1n),
    short(Kind.RESET, 1n),
    writeGreeting({ kind: Kind.WELCOME, id: 1n }),
    writeGreeting({ kind: Kind.OPENED, id: 1n }),
  ];
  for (const bytes of garbage) stranger.send(bytes);
  // What is answered first is the one thing that can be read.
  expect((await stranger.hello(7n)).kind).toBe(Kind.WELCOME);
  const client = await connect();
  say(client, 'ok');
  expect(await hear(await accepted())).toBe('ok');
  expect(errors).toEqual([]);
  client.abort();
});

it('survives what another program throws at it', async () => {
  const program = `
import os, random, socket, sys
random.seed(4)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
at = ("127.0.0.1", int(sys.argv[1]))
for i in range(2000):
    n = random.choice([0, 1, 15, 16, 17, 31, 32, 33, 1500])
    d = bytearray(random.randbytes(n))
    if n > 4 and i % 2: d[0:4] = bytes([0x55, 0x47, 1, random.randrange(12)])
    s.sendto(bytes(d), at)
`;
  const client = await connect();
  const server = await accepted();
  expect(spawnSync('python3', ['-c', program, String(port)], { encoding: 'utf8' }).stderr).toBe('');
  say(client, 'still here');
  expect(await hear(server)).toBe('still here');
  const another = await connect();
  expect(links.length).toBe(2);
  another.abort();
  client.abort();
});

it('never says more than it was told, so that nobody can be flooded in another name', async () => {
  await using stranger = await RawPeer.to(port);
  const id = 5n;
  const said = [
    writeGreeting({ kind: Kind.HELLO, id }),
    message(9n, ''),
    message(9n, 'x'.repeat(1000)),
    writeGreeting({ kind: Kind.OPEN, id, token: 1n }),
  ];
  for (const bytes of said) stranger.send(bytes);
  for (const most of [32, 16, 16]) expect((await stranger.next()).length).toBeLessThanOrEqual(most);
});

it('keeps nothing of who has not proved that its address is true', async () => {
  await using stranger = await RawPeer.to(port);
  await using another = await RawPeer.to(port);
  const welcome = await stranger.hello(5n);
  // A token that is made up, and one that was given to another address.
  stranger.send(writeGreeting({ kind: Kind.OPEN, id: 5n, word: welcome.word, token: welcome.token ^ 1n }));
  another.send(writeGreeting({ kind: Kind.OPEN, id: 5n, word: welcome.word, token: welcome.token }));
  await another.hello(6n);
  expect(links).toEqual([]);
  expect(kindOf(await stranger.open(5n, welcome), 32)).toBe(Kind.OPENED);
  expect(links.length).toBe(1);
});

it('makes one link of one client, however often it asks, and none of a client that has gone', async () => {
  await using stranger = await RawPeer.to(port);
  const welcome = await stranger.hello(5n);
  for (let times = 0; times < 3; times++) expect(kindOf(await stranger.open(5n, welcome), 32)).toBe(Kind.OPENED);
  expect(links.length).toBe(1);
  stranger.send(short(Kind.BYE, 5n));
  expect((await links[0]!.closed).orderly).toBe(true);
  // An old duplicate of what opened it, which came late.
  expect(kindOf(await stranger.open(5n, welcome), 16)).toBe(Kind.RESET);
  expect(links.length).toBe(1);
});

it('passes over what comes to a link and is not of it', async () => {
  await using stranger = await RawPeer.to(port);
  await stranger.link(5n);
  const server = await accepted();
  for (const bytes of [
    message(6n, 'of another link'),
    short(Kind.BYE, 6n),
    short(Kind.RESET, 6n),
    Buffer.from('garbage'),
    Buffer.alloc(0),
    message(5n, 'y'.repeat(1401)),
  ]) {
    stranger.send(bytes);
  }
  stranger.send(message(5n, 'mine'));
  expect(await hear(server)).toBe('mine');
  expect(server.end).toBeUndefined();
});

it('hears replies of the address that was called only', async () => {
  let told = 0;
  await using server = await RawPeer.server((bytes, answer) => {
    const { kind, id } = readGreeting(Buffer.concat([bytes, Buffer.alloc(32)]));
    if (kind === Kind.HELLO) answer(writeGreeting({ kind: Kind.WELCOME, id, token: 1n }));
    if (kind === Kind.OPEN) answer(writeGreeting({ kind: Kind.OPENED, id, maxMessageBytes: 1400, idleMs: 60_000 }));
    if (bytes[3] !== Kind.MESSAGE) return;
    told = Number(bytes.toString('latin1', 16));
    // From another port, which knows the very id of the link; then from the one that was called.
    const forged = message(id, 'forged');
    server.sendTo(forged, told);
    setTimeout(() => answer(message(id, 'true')), 50);
  });
  const client = await connect(server.url);
  say(client, String(await portOf(client)));
  expect(await hear(client)).toBe('true');
  client.abort();
});

/** The client's own port: the one UDP socket of this process that is connected. */
async function portOf(client: Link): Promise<number> {
  const { readFileSync } = await import('node:fs');
  const hex = Number(client.peer.address.split(':').at(-1)).toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/udp', 'latin1')
    .split('\n')
    .find((one) => one.includes(` 0100007F:${hex} 01`))!;
  return Number.parseInt(/:([0-9A-F]{4}) 0100007F/.exec(line)![1]!, 16);
}

it('tells a client of a server that has restarted, and does not take its messages', async () => {
  const client = await connect();
  await accepted();
  const { url } = listener;
  for (const link of links) void link.close();
  expect((await client.closed).error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_CLOSED' });

  await using stranger = await RawPeer.to(port);
  await stranger.link(5n);
  await listener.close();
  links.at(-1)!.abort();
  await stranger.next();
  listener = await udpTransport.listen(parseAddress(url), {}, (link) => links.push(link));
  const before = links.length;
  stranger.send(message(5n, 'to the server of old'));
  expect(kindOf(await stranger.next(), 16)).toBe(Kind.RESET);
  expect(links.length).toBe(before);
});

it('says in which words a link ends that its server does not know any more', async () => {
  await using server = await RawPeer.server((bytes, answer) => {
    const { kind, id } = readGreeting(Buffer.concat([bytes, Buffer.alloc(32)]));
    if (kind === Kind.HELLO) answer(writeGreeting({ kind: Kind.WELCOME, id, token: 1n }));
    if (kind === Kind.OPEN) answer(writeGreeting({ kind: Kind.OPENED, id, maxMessageBytes: 1400, idleMs: 60_000 }));
    if (kind === Kind.MESSAGE) answer(short(Kind.RESET, id));
  });
  const client = await connect(server.url);
  say(client, 'hello?');
  const { by, orderly, error } = await client.closed;
  expect([by, orderly, error.code, error.reason]).toEqual(['peer', false, 'UNAVAILABLE', 'PEER_DIED']);
  expect(error.message).toBe(
    `the peer at ${server.url} does not know this link any more: it has restarted, or has dropped it. Whether calls under way were run is not known; none is run again`,
  );
});

it('refuses clients beyond maxLinks in words, on both sides, until one leaves', async () => {
  await listener.close();
  await listen({ maxLinks: 1 });
  const first = await connect();
  const error = await failure(connect());
  expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
  expect(error.message).toBe(`${listener.url} has as many clients as it takes (maxLinks)`);
  expect(errors[0]!.message).toBe(`a client was refused at ${listener.url}: there are 1 already (maxLinks)`);
  await first.close();
  await (await accepted()).closed;
  (await connect()).abort();
});

it('tells a client of another version so, and is told so by a server of another version', async () => {
  await using stranger = await RawPeer.to(port);
  const newer = writeGreeting({ kind: Kind.HELLO, id: 3n });
  newer[2] = VERSION + 1;
  stranger.send(newer);
  expect(readGreeting(await stranger.next())).toMatchObject({ kind: Kind.REFUSED, word: Refusal.VERSION, id: 3n });

  await using server = await RawPeer.server((bytes, answer) => {
    const other = Buffer.from(bytes);
    other[2] = VERSION + 1;
    answer(other);
  });
  const error = await failure(connect(server.url));
  expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'VERSION_MISMATCH' });
  expect(error.message).toBe(`${server.url} speaks version 2 of the udp: greeting, this side speaks version 1`);
});

it('asks a silent server until the deadline, and says what that may mean', async () => {
  let asked = 0;
  await using silent = await RawPeer.server(() => {
    asked++;
  });
  const error = await failure(connect(silent.url, {}, 300));
  expect(error.code).toBe('DEADLINE_EXCEEDED');
  expect(error.message).toBe(
    `cannot connect to ${silent.url}: no answer before the deadline passed (a datagram may be lost on its way, or nobody may listen there)`,
  );
  expect(asked).toBeGreaterThan(2);
});

it('fails at once where nobody is, and waits for somebody to come if asked to', async () => {
  const { url } = listener;
  await listener.close();
  expect((await failure(connect(url))).message).toBe(
    `cannot connect to ${url}: nobody listens there; is the server running?`,
  );
  const waiting = connect(url, { whileUnreachable: 'wait' });
  listener = await udpTransport.listen(parseAddress(url), {}, (link) => links.push(link));
  (await waiting).abort();
});

it('ends a link when the network says that its peer has gone, unless asked to wait', async () => {
  const server = await RawPeer.server((bytes, answer) => {
    const { kind, id } = readGreeting(Buffer.concat([bytes, Buffer.alloc(32)]));
    if (kind === Kind.HELLO) answer(writeGreeting({ kind: Kind.WELCOME, id, token: 1n }));
    if (kind === Kind.OPEN) answer(writeGreeting({ kind: Kind.OPENED, id, maxMessageBytes: 1400, idleMs: 60_000 }));
  });
  const [one, two] = [await connect(server.url), await connect(server.url, { whileUnreachable: 'wait' })];
  await server[Symbol.asyncDispose]();
  say(one, 'anybody?');
  say(two, 'anybody?');
  const { error } = await one.closed;
  expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
  expect(error.message).toBe(
    `the peer at ${server.url} is not there any more: the network says so (ECONNREFUSED). Whether calls under way were run is not known`,
  );
  say(two, 'anybody?');
  expect(two.end).toBeUndefined();
  two.abort();
});

it('refuses a message over the limit with the limit', async () => {
  const client = await connect();
  expect(client.maxMessageBytes).toBe(1400);
  expect(() => client.claim(1401)).toThrow(
    "a message of 1401 bytes is over this link's limit of 1400 (maxMessageBytes)",
  );
  client.abort();
});
