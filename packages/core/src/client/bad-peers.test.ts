import { describe, expect, it } from 'vitest';
import { ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, sealEnvelope, writeEnvelope } from '../channel/envelope.js';
import { Reason, type RpcError } from '../errors/index.js';
import { createServerOn } from '../server/index.js';
import { echoing, freshTarget, rawClient, rawServer, receiveRaw, sendRaw } from '../testing/pair.js';
import { failure } from '../testing/promises.js';
import { Texts } from '../testing/text-service.js';
import { createClientOn } from './index.js';

function envelope(
  kind: number,
  payload: string,
  more: { status?: number; callId?: number; methodId?: number; flags?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + Buffer.byteLength(payload));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { status = 0, callId = 1, methodId = 0, flags = 0 } = more;
  writeEnvelope(view, 0, kind, flags, status, bytes.length - ENVELOPE_BYTES, callId, methodId, NO_DEADLINE);
  bytes.write(payload, ENVELOPE_BYTES);
  if ((flags & Flag.CHECKSUM) !== 0) sealEnvelope(bytes, view, 0, bytes.length);
  return bytes;
}

const changed = (bytes: Buffer, change: (bytes: Buffer) => void): Buffer => {
  change(bytes);
  return bytes;
};

const SCHEMAS = { roots: [0, 0], messages: [['test.Text', [1, 'text', 'string', 0]]] };
const HELLO = JSON.stringify({
  maxMessageBytes: 4096,
  methods: [{ service: 'test.Texts', method: 'Echo', kind: 'unary' }],
  schemas: SCHEMAS,
});

/** Messages that break the protocol, and the words for them. */
const broken: [string, () => Buffer, string, string][] = [
  ['nothing at all', () => Buffer.alloc(0), 'DATA_LOSS', 'it sent a message shorter than an envelope (32 bytes)'],
  [
    'a wrong magic number',
    () => changed(envelope(Kind.REPLY, 'x'), (b) => b.writeUInt16LE(0x1234, 0)),
    'DATA_LOSS',
    'does not start with the magic number',
  ],
  [
    'another version',
    () => changed(envelope(Kind.REPLY, 'x'), (b) => b.writeUInt8(2, 2)),
    'FAILED_PRECONDITION',
    'speaks version 2 of the protocol, this side speaks version 1',
  ],
  [
    'lengths that do not add up',
    () => changed(envelope(Kind.REPLY, 'x'), (b) => b.writeUInt32LE(77, 8)),
    'DATA_LOSS',
    'an envelope whose lengths do not add up',
  ],
  [
    'a wrong checksum',
    () => changed(envelope(Kind.REPLY, 'x', { flags: Flag.CHECKSUM }), (b) => b.writeUInt8(0, ENVELOPE_BYTES)),
    'DATA_LOSS',
    'was damaged on its way: its checksum is wrong',
  ],
  ['an unknown kind', () => envelope(99, 'x'), 'DATA_LOSS', 'a message of unknown kind 99'],
];

describe('a server that sends', () => {
  it.each(broken)(
    '%s fails the calls in flight and loses the channel, with the reason',
    async (_name, message, code, words) => {
      const target = freshTarget();
      const { listener, link } = await rawServer(target);
      const client = createClientOn(Texts, () => target);
      const call = failure(client.echo({ text: 'hello' }));
      const server = await link;
      sendRaw(server, envelope(Kind.HELLO, HELLO));
      await receiveRaw(server); // the client's hello
      await receiveRaw(server); // its request
      sendRaw(server, message());
      const error = await call;
      expect(error).toMatchObject({ code, failed: 'channel' });
      expect(error.message).toContain(words);
      // It says goodbye with the same words, and hangs up.
      const goodbye = await receiveRaw(server);
      expect(goodbye?.readUInt8(3)).toBe(Kind.GOODBYE);
      expect(goodbye?.toString('utf8', ENVELOPE_BYTES)).toContain(words);
      expect(await receiveRaw(server)).toBeUndefined();
      await client.$close();
      await listener.close();
      await server.close();
    },
  );

  it.each([
    ['no hello', () => envelope(Kind.REPLY, 'x')],
    ['a hello that is not JSON', () => envelope(Kind.HELLO, '{oops')],
    ['a hello without limits', () => envelope(Kind.HELLO, '{"methods":[]}')],
    [
      'a hello with a nameless method',
      () => envelope(Kind.HELLO, '{"maxMessageBytes":4096,"methods":[{"__proto__":null}]}'),
    ],
  ])('%s is no server', async (_name, message) => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const call = failure(client.echo({ text: 'hello' }));
    const server = await link;
    sendRaw(server, message());
    const error = await call;
    expect(error).toMatchObject({ code: 'DATA_LOSS', reason: Reason.PROTOCOL_VIOLATION });
    expect(error.message).toContain("the peer's greeting can't be read");
    await client.$close();
    await listener.close();
    await server.close();
  });

  it('one that is ready and then reads nothing hears of calls that ended meanwhile, and gets no request of theirs', async () => {
    const target = freshTarget({ ringBytes: 4096 });
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target, { immediateGraceMs: 10_000 });
    const enough = new AbortController();
    const call = failure(client.echo({ text: 'wanted' }, { timeout: 'immediate', signal: enough.signal }));
    const server = await link;
    sendRaw(server, envelope(Kind.HELLO, HELLO));
    await receiveRaw(server);
    const probe = await receiveRaw(server);
    const callId = probe?.readUInt32LE(16) ?? 0;
    const others = Array.from({ length: 5 }, () => failure(client.echo({ text: 'x'.repeat(1500) })));
    sendRaw(server, envelope(Kind.READY, '', { callId }));
    // The request has to wait behind the others.
    await new Promise((resolve) => setTimeout(resolve, 20));
    enough.abort();
    expect(await call).toMatchObject({ code: 'CANCELLED' });
    const got: [number | undefined, number | undefined][] = [];
    for (let i = 0; i < 6; i++) {
      const message = await receiveRaw(server);
      got.push([message?.readUInt8(3), message?.readUInt32LE(16)]);
    }
    expect(got.map(([kind]) => kind)).toEqual([...Array(5).fill(Kind.REQUEST), Kind.CANCEL]);
    expect(got.filter(([, id]) => id === callId)).toEqual([[Kind.CANCEL, callId]]);
    await client.$close();
    await Promise.all(others);
    await server.close();
    await listener.close();
  });

  it('a reply nobody waits for is only counted', async () => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const call = client.echo({ text: 'hello' });
    const server = await link;
    sendRaw(server, envelope(Kind.HELLO, HELLO));
    await receiveRaw(server);
    const request = await receiveRaw(server);
    const callId = request?.readUInt32LE(16) ?? 0;
    sendRaw(server, envelope(Kind.REPLY, 'stray', { callId: callId + 1000 }));
    sendRaw(server, envelope(Kind.REPLY, 'mine', { callId }));
    expect(await call).toEqual({ text: 'mine' });
    expect(client.$channel.stats).toEqual({ inFlight: 0, lateReplies: 1, lateItems: 0 });
    await client.$close();
    await listener.close();
    await server.close();
  });

  it('nothing at all does not hold up a client that is closed meanwhile', async () => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target, { connectTimeoutMs: 60_000 });
    const call = failure(client.echo({ text: 'hello' }));
    const server = await link;
    await client.$close();
    expect(await call).toMatchObject({ code: 'CANCELLED', reason: Reason.CLOSED });
    await receiveRaw(server); // the client's hello
    expect(await receiveRaw(server)).toBeUndefined();
    await listener.close();
    await server.close();
  });

  it('nothing at all is given up when the time to connect is over', async () => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target, { connectTimeoutMs: 50 });
    const error = await failure(client.echo({ text: 'hello' }));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(error.message).toContain(`connecting to ${target.address.url}: the deadline passed`);
    await client.$close();
    await listener.close();
    await (await link).close();
  });
});

describe('a client that sends', () => {
  it.each(broken)('%s loses its own link, and no other one notices', async (_name, message, code, words) => {
    const target = freshTarget();
    const heard: RpcError[] = [];
    const server = createServerOn(() => [target], { onError: (error) => heard.push(error) });
    server.add(Texts, echoing);
    await server.listen();
    const good = createClientOn(Texts, () => target);
    expect(await good.echo({ text: 'before' })).toEqual({ text: 'before' });

    const bad = await rawClient(target);
    sendRaw(bad, envelope(Kind.HELLO, '{"maxMessageBytes":4096,"methods":[],"schemas":{"roots":[],"messages":[]}}'));
    await receiveRaw(bad); // the server's hello
    sendRaw(bad, message());
    const goodbye = await receiveRaw(bad);
    expect(goodbye?.readUInt8(3)).toBe(Kind.GOODBYE);
    expect(goodbye?.toString('utf8', ENVELOPE_BYTES)).toContain(words);
    expect(await receiveRaw(bad)).toBeUndefined();

    expect(await good.echo({ text: 'after' })).toEqual({ text: 'after' });
    expect(heard.map((error) => error.code)).toEqual([code]);
    await good.$close();
    await server.close();
    await bad.close();
  });

  it.each([
    [
      'a method id that does not exist',
      () => envelope(Kind.REQUEST, 'x', { methodId: 4711 }),
      'this server has no method with the id 4711',
    ],
    [
      'a request that can not be decoded',
      () => envelope(Kind.REQUEST, '!'),
      "test.Texts/Echo: the request can't be decoded",
    ],
  ])('%s gets an answer, and keeps its link', async (_name, message, words) => {
    const target = freshTarget();
    const server = createServerOn(() => [target]);
    server.add(Texts, echoing);
    await server.listen();
    const client = await rawClient(target);
    sendRaw(client, envelope(Kind.HELLO, '{"maxMessageBytes":4096,"methods":[],"schemas":{"roots":[],"messages":[]}}'));
    await receiveRaw(client);
    sendRaw(client, message());
    expect((await receiveRaw(client))?.toString('utf8', ENVELOPE_BYTES)).toContain(words);
    sendRaw(client, envelope(Kind.REQUEST, 'fine', { callId: 2 }));
    const reply = await receiveRaw(client);
    expect(reply?.readUInt32LE(16)).toBe(2);
    expect(reply?.toString('utf8', ENVELOPE_BYTES)).toBe('fine');
    await client.close();
    await server.close();
  });
});
