import { describe, expect, it } from 'vitest';
import { ENVELOPE_BYTES, Kind } from '../channel/envelope.js';
import { Reason } from '../errors/index.js';
import { createServerOn } from '../server/index.js';
import {
  freshTarget,
  rawClient,
  rawServer,
  receiveRaw,
  type StreamHandlers,
  sendRaw,
  streaming,
} from '../testing/pair.js';
import { failure } from '../testing/promises.js';
import { rawEnvelope } from '../testing/raw-envelope.js';
import { Streams } from '../testing/text-service.js';
import type { Link } from '../transport/contract.js';
import { createClientOn } from './index.js';

const METHODS = [
  ['Echo', 'unary'],
  ['List', 'server-streaming'],
  ['Join', 'client-streaming'],
  ['Chat', 'bidi-streaming'],
] as const;
const HELLO = JSON.stringify({
  maxMessageBytes: 4096,
  streamWindowBytes: 1000,
  streamWindowMessages: 2,
  methods: METHODS.map(([method, kind]) => ({ service: 'test.Streams', method, kind })),
  schemas: { roots: [0, 0, 0, 0, 0, 0, 0, 0], messages: [['test.Text', [1, 'text', 'string', 0]]] },
});
const NO_METHODS = '{"maxMessageBytes":4096,"methods":[],"schemas":{"roots":[],"messages":[]}}';

/** What the peer said when it left; fails when it stays. */
async function farewell(link: Link): Promise<string> {
  for (;;) {
    const message = await receiveRaw(link);
    if (message === undefined) throw new Error('the peer left without a word');
    if (message.readUInt8(3) !== Kind.GOODBYE) continue;
    expect(await receiveRaw(link)).toBeUndefined();
    return message.toString('utf8', ENVELOPE_BYTES);
  }
}

const ECHO = 0;
const LIST = 1;
const JOIN = 2;

describe('a client that sends', () => {
  const never = new Promise<never>(() => {});
  const handlers: StreamHandlers = { ...streaming, echo: () => never, join: () => never };
  const item = () => rawEnvelope(Kind.REQUEST_ITEM, 'x');
  const end = () => rawEnvelope(Kind.REQUEST_END, '');
  const request = (methodId: number) => rawEnvelope(Kind.REQUEST, '', { methodId });
  const credit = (messages: number, bytes: number) =>
    rawEnvelope(Kind.REPLY_CREDIT, '', { methodId: messages, timeLeft: bytes });

  it.each<[string, () => Buffer[], string]>([
    [
      'more messages than it has credit for',
      () => [request(JOIN), item(), item(), item()],
      'more messages of the stream of test.Streams/Join than it has credit for',
    ],
    [
      'more bytes than it has credit for',
      () => [request(JOIN), rawEnvelope(Kind.REQUEST_ITEM, 'x'.repeat(1500)), item()],
      'more messages of the stream of test.Streams/Join than it has credit for',
    ],
    [
      'a message of a stream after its end',
      () => [request(JOIN), end(), item()],
      'more of the stream of test.Streams/Join, of which it had said that it is complete',
    ],
    ['the end of a stream twice', () => [request(JOIN), end(), end()], 'of which it had said that it is complete'],
    [
      'a message of a stream for a call without one',
      () => [request(ECHO), item()],
      'a message of a stream for test.Streams/Echo, whose request is none',
    ],
    [
      'the end of a stream for a call that only answers with one',
      () => [rawEnvelope(Kind.REQUEST, 'a b c', { methodId: LIST }), end()],
      'a message of a stream for test.Streams/List, whose request is none',
    ],
    [
      'credit for a call that answers with no stream',
      () => [request(JOIN), credit(1, 1)],
      'credit for test.Streams/Join, from which no stream comes',
    ],
    [
      'more credit than was spent',
      () => [rawEnvelope(Kind.REQUEST, 'a b c', { methodId: LIST }), credit(1, 0xffff_ffff)],
      'more credit for test.Streams/List than was ever spent',
    ],
  ])('%s loses its link, with the reason', async (_name, messages, words) => {
    const target = freshTarget();
    const heard: string[] = [];
    const server = createServerOn(() => [target], {
      streamWindowMessages: 2,
      streamWindowBytes: 1000,
      onError: (error) => heard.push(`${error.code} ${error.reason}`),
    });
    server.add(Streams, handlers);
    await server.listen();
    const bad = await rawClient(target);
    // A window of one message keeps a stream of replies open.
    const hello = NO_METHODS.replace('{', '{"streamWindowMessages":1,');
    sendRaw(bad, rawEnvelope(Kind.HELLO, hello));
    for (const message of messages()) sendRaw(bad, message);
    expect(await farewell(bad)).toContain(words);
    await bad.close();
    await server.close({ timeoutMs: 0 });
    expect(heard).toEqual([`DATA_LOSS ${Reason.PROTOCOL_VIOLATION}`]);
    expect(server.stats()).toMatchObject({ links: 0, running: expect.any(Number), queued: 0 });
  });

  it('messages of a stream whose call has ended is as good as before, and they are counted', async () => {
    const target = freshTarget();
    const server = createServerOn(() => [target]);
    server.add(Streams, { ...streaming, join: () => ({ text: 'enough' }) });
    await server.listen();
    const link = await rawClient(target);
    sendRaw(link, rawEnvelope(Kind.HELLO, NO_METHODS));
    await receiveRaw(link);
    sendRaw(link, request(JOIN));
    expect((await receiveRaw(link))?.readUInt8(3)).toBe(Kind.REPLY);
    for (const message of [item(), item(), end(), credit(1, 1)]) sendRaw(link, message);
    await expect.poll(() => server.stats()).toMatchObject({ links: 1, running: 0, queued: 0, lateItems: 2 });
    await link.close();
    await expect.poll(() => server.stats()).toMatchObject({ links: 0, running: 0, queued: 0, lateItems: 2 });
    await server.close();
  });

  it('a greeting with an impossible window is no client', async () => {
    const target = freshTarget();
    const heard: string[] = [];
    const server = createServerOn(() => [target], { onError: (error) => heard.push(error.message) });
    server.add(Streams, streaming);
    await server.listen();
    const bad = await rawClient(target);
    sendRaw(bad, rawEnvelope(Kind.HELLO, NO_METHODS.replace('{', '{"streamWindowBytes":0,')));
    while ((await receiveRaw(bad)) !== undefined);
    await bad.close();
    await server.close();
    expect(heard).toEqual(["the peer's greeting can't be read: streamWindowBytes is no number from 1 to 1073741824"]);
  });

  it('messages of a stream whose call is over is not held to account for it', async () => {
    const target = freshTarget();
    const server = createServerOn(() => [target]);
    server.add(Streams, { ...streaming, join: () => ({ text: 'enough' }) });
    await server.listen();
    const link = await rawClient(target);
    sendRaw(link, rawEnvelope(Kind.HELLO, NO_METHODS));
    await receiveRaw(link); // the server's hello
    for (const message of [request(JOIN), item(), item(), end()]) sendRaw(link, message);
    expect((await receiveRaw(link))?.toString('utf8', ENVELOPE_BYTES)).toBe('enough');
    sendRaw(link, rawEnvelope(Kind.REQUEST, 'and on', { methodId: ECHO, callId: 2 }));
    expect((await receiveRaw(link))?.toString('utf8', ENVELOPE_BYTES)).toBe('and on');
    await link.close();
    await server.close();
  });
});

describe('a server that sends', () => {
  type Call = 'echo' | 'list' | 'join';
  const item = (callId: number, text = 'x') => rawEnvelope(Kind.REPLY_ITEM, text, { callId });
  const credit = (callId: number, messages: number, bytes: number) =>
    rawEnvelope(Kind.REQUEST_CREDIT, '', { callId, methodId: messages, timeLeft: bytes });

  it.each<[string, Call, (callId: number) => Buffer[], string]>([
    [
      'more messages than it has credit for',
      'list',
      (id) => [item(id), item(id), item(id), item(id)],
      'more messages of the stream of test.Streams/List than it has credit for',
    ],
    [
      'a message of a stream for a call without one',
      'echo',
      (id) => [item(id)],
      'a message of a stream for test.Streams/Echo, whose reply is none',
    ],
    [
      'credit for a call without a stream',
      'list',
      (id) => [credit(id, 1, 1)],
      'credit for test.Streams/List, to which no stream goes',
    ],
    [
      'more credit than was spent',
      'join',
      (id) => [credit(id, 0xffff_ffff, 0)],
      'more credit for test.Streams/Join than was ever spent',
    ],
  ])('%s loses its link, with the reason', async (_name, method, messages, words) => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Streams, () => target, { streamWindowMessages: 2 });
    const call = {
      echo: () => client.echo({ text: '' }),
      // Reads one, and never again.
      list: async () => {
        for await (const _ of client.list({ text: '' })) await closed;
      },
      join: () => client.join(forever()),
    }[method];
    let hangUp!: () => void;
    const closed = new Promise<void>((resolve) => {
      hangUp = resolve;
    });
    const failed = failure(Promise.resolve(call()));
    const server = await link;
    sendRaw(server, rawEnvelope(Kind.HELLO, HELLO));
    await receiveRaw(server); // the client's hello
    const callId = (await receiveRaw(server))?.readUInt32LE(16) ?? 0;
    for (const message of messages(callId)) sendRaw(server, message);
    expect(await farewell(server)).toContain(words);
    hangUp();
    const error = await failed;
    expect(error).toMatchObject({ code: 'DATA_LOSS', reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
    expect(error.message).toContain(words);
    expect(client.$channel.stats.inFlight).toBe(0);
    await client.$close();
    await listener.close();
    await server.close();
  });

  it('messages of a stream that nobody reads any more is not held to account: they are counted', async () => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Streams, () => target);
    const reader = client.list({ text: '' })[Symbol.asyncIterator]();
    const first = reader.next();
    const server = await link;
    sendRaw(server, rawEnvelope(Kind.HELLO, HELLO));
    await receiveRaw(server);
    const callId = (await receiveRaw(server))?.readUInt32LE(16) ?? 0;
    sendRaw(server, item(callId, 'first'));
    expect(await first).toEqual({ done: false, value: { text: 'first' } });
    await reader.return?.();
    const cancel = await receiveRaw(server);
    expect([cancel?.readUInt8(3), cancel?.readUInt32LE(16)]).toEqual([Kind.CANCEL, callId]);
    for (const text of ['late', 'later']) sendRaw(server, item(callId, text));
    sendRaw(server, rawEnvelope(Kind.REPLY, '', { callId }));
    await expect.poll(() => client.$channel.stats).toEqual({ inFlight: 0, lateReplies: 1, lateItems: 2 });
    await client.$close();
    await listener.close();
    await server.close();
  });
});

async function* forever(): AsyncGenerator<{ text: string }> {
  yield { text: 'x' };
  await new Promise(() => {});
}
