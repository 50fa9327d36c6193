import { afterEach, describe, expect, it } from 'vitest';
import { ENVELOPE_BYTES, sealEnvelope, writeEnvelope } from '../channel/envelope.js';
import { Flag, Kind, methodIdOf, NO_DEADLINE } from '../channel/index.js';
import { HEAD_BYTES, Role, writeHead } from '../channel/lossy/head.js';
import { createClientOn } from '../client/index.js';
import type { RpcError } from '../errors/index.js';
import { echoing, freshTarget, rawClient, rawServer, receiveRaw, sendRaw } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { NewerTexts, OtherTexts, Texts } from '../testing/text-service.js';
import type { Capabilities, TransportOptions } from '../transport/index.js';
import { createServerOn } from './index.js';

const clearing: (() => unknown)[] = [];
afterEach(async () => {
  for (const clear of clearing.splice(0).reverse()) await clear();
});

/** inproc: as it would be without an exchange of greetings. */
function plainTarget(options: TransportOptions = {}, more: Partial<Capabilities> = {}) {
  const target = freshTarget(options);
  const capabilities: Capabilities = { ...target.transport.capabilities, greeting: 'none', ...more };
  return { ...target, transport: { ...target.transport, capabilities } };
}

async function serve(target: ReturnType<typeof plainTarget>, handlers: Partial<typeof echoing> = {}) {
  const errors: RpcError[] = [];
  const heard = gate<RpcError>();
  const server = createServerOn(() => [target], {
    onError: (error) => {
      errors.push(error);
      heard.open(error);
    },
  });
  await server.add(Texts, { ...echoing, ...handlers }).listen();
  clearing.push(() => server.close({ timeoutMs: 0 }));
  return { server, errors, heard: heard.opened };
}

function request(path: string, text: string, flags = 0, callId = 1): Buffer {
  const message = Buffer.alloc(ENVELOPE_BYTES + text.length);
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  writeEnvelope(view, 0, Kind.REQUEST, flags, 0, text.length, callId, methodIdOf(path), NO_DEADLINE);
  message.write(text, ENVELOPE_BYTES);
  if ((flags & Flag.CHECKSUM) !== 0) sealEnvelope(message, view, 0, message.length);
  return message;
}

describe('A channel without greetings', () => {
  it('carries calls under all policies, with ids that both sides compute alone.', async () => {
    const target = plainTarget();
    const noted = gate<string>();
    await serve(target, {
      note: (message) => {
        noted.open(message.text);
        return message;
      },
    });
    const client = createClientOn(Texts, () => target);
    clearing.push(() => client.$close());
    for (const timeout of ['never', 1000, 'immediate', { send: 1000, reply: 1000 }] as const) {
      expect(await client.echo({ text: 'hello' }, { timeout })).toEqual({ text: 'hello' });
    }
    await client.note({ text: 'noted' });
    expect(await noted.opened).toBe('noted');
  });

  it('has a call as its first message, and nothing before it.', async () => {
    const target = plainTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    clearing.push(
      () => listener.close(),
      () => client.$close(),
    );
    const call = client.echo({ text: 'hello' }).catch(() => undefined);
    const first = await receiveRaw(await link);
    expect(first?.[3]).toBe(Kind.REQUEST);
    expect(first?.readUInt32LE(20)).toBe(methodIdOf('test.Texts/Echo'));
    expect(first?.toString('utf8', ENVELOPE_BYTES)).toBe('hello');
    (await link).abort();
    await call;
  });

  it('answers a call of a method that the server has not, in words that say what it has.', async () => {
    const target = plainTarget();
    const { server } = await serve(target);
    server.add(OtherTexts, { echo: (message) => message });
    const client = createClientOn(NewerTexts, () => target);
    clearing.push(() => client.$close());
    const error = await failure(client.added({ text: '' }));
    expect(error).toMatchObject({ code: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' });
    expect(error.message).toMatch(
      /no method with the id 0x[0-9a-f]{8}; it offers test\.Texts \(Echo, Work, Note\), test\.Others \(Echo\)/,
    );
  });

  it('carries what the link carries, and says the limit of it.', async () => {
    const target = plainTarget({ maxMessageBytes: 500 });
    await serve(target);
    const client = createClientOn(Texts, () => target);
    clearing.push(() => client.$close());
    const text = 'x'.repeat(500 - ENVELOPE_BYTES);
    expect(await client.echo({ text })).toEqual({ text });
    const error = await failure(client.echo({ text: `${text}x` }));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
    expect(error.message).toContain(`at most ${500 - ENVELOPE_BYTES}`);
  });

  it('refuses the greeting of a peer that expects one back.', async () => {
    const target = plainTarget();
    const { errors } = await serve(target);
    const client = createClientOn(Texts, () => ({ ...target, transport: freshTarget().transport }));
    clearing.push(() => client.$close());
    const error = await failure(client.echo({ text: '' }));
    expect(error).toMatchObject({ code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION' });
    expect(error.message).toContain('a greeting where none is expected');
    expect(errors.length).toBe(1);
  });

  it('ends at a message that cannot be read where one peer has it alone.', async () => {
    const target = plainTarget();
    const { heard } = await serve(target);
    const link = await rawClient(target);
    clearing.push(() => link.abort());
    sendRaw(link, Buffer.from('what?'));
    expect((await heard).message).toContain('a message shorter than an envelope');
    expect((await link.closed).by).toBe('peer');
  });

  it('drops a message that cannot be read where others may have sent it, and goes on.', async () => {
    const target = plainTarget({}, { addressing: 'mailbox' });
    const { heard } = await serve(target);
    const link = await rawClient(target);
    clearing.push(() => link.abort());
    sendRaw(link, Buffer.from('what?'));
    expect((await heard).message).toContain('a message shorter than an envelope');
    sendRaw(link, request('test.Texts/Echo', 'hello'));
    const reply = await receiveRaw(link);
    expect(reply?.[3]).toBe(Kind.REPLY);
    expect(reply?.toString('utf8', ENVELOPE_BYTES)).toBe('hello');
  });

  it('drops a message that cannot be read where messages get lost, and answers the same question alike.', async () => {
    const target = plainTarget({}, { delivery: 'lossy' });
    await serve(target);
    const link = await rawClient(target);
    clearing.push(() => link.abort());
    sendRaw(link, Buffer.from('what?'));
    const head = Buffer.alloc(HEAD_BYTES);
    writeHead(new DataView(head.buffer, head.byteOffset), 0, Role.ASK, 1, 1, 0);
    const replies: string[] = [];
    for (let times = 0; times < 2; times++) {
      sendRaw(link, Buffer.concat([head, request('test.Texts/Echo', 'hello')]));
      replies.push((await receiveRaw(link))!.toString('latin1'));
    }
    expect(replies[0]!.slice(HEAD_BYTES + ENVELOPE_BYTES)).toBe('hello');
    expect(replies[1]).toBe(replies[0]);
  });
});

describe('A server that only receives', () => {
  const receiving = { direction: 'receive' } as const;

  it('runs one-way calls of any number of senders that know nothing of each other.', async () => {
    const seen: string[] = [];
    const release = gate();
    const both = gate();
    await serve(plainTarget(receiving), {});
    const target = plainTarget(receiving);
    await serve(target, {
      note: async (message) => {
        await release.opened;
        seen.push(message.text);
        if (seen.length === 2) both.open();
        return message;
      },
    });
    const link = await rawClient({ ...target, transportOptions: { direction: 'send' } });
    clearing.push(() => link.abort());
    // Over one link, as two writers of one fifo would: with the same call id.
    sendRaw(link, request('test.Texts/Note', 'one', Flag.ONEWAY, 7));
    sendRaw(link, request('test.Texts/Note', 'two', Flag.ONEWAY | Flag.CONFIRM, 7));
    release.open();
    await both.opened;
    expect(seen).toEqual(['one', 'two']);
  });

  it.each([
    ['a method that is answered', request('test.Texts/Echo', 'x'), 'test.Texts/Echo was called by'],
    ['one that says it wants no answer', request('test.Texts/Echo', 'x', Flag.ONEWAY), 'test.Texts/Echo was called by'],
    ['a one-way method with an answer', request('test.Texts/Note', 'x'), 'test.Texts/Note was called by'],
    [
      'a method that it has not',
      request('test.Texts/None', 'x', Flag.ONEWAY),
      'it offers test.Texts (Echo, Work, Note)',
    ],
  ])('never runs %s, and says so.', async (_what, message, words) => {
    const target = plainTarget(receiving);
    const ran: string[] = [];
    const run = (name: string) => (asked: { text: string }) => {
      ran.push(name);
      return asked;
    };
    const { heard, server } = await serve(target, { echo: run('echo'), note: run('note') });
    const link = await rawClient({ ...target, transportOptions: { direction: 'send' } });
    clearing.push(() => link.abort());
    sendRaw(link, message);
    expect((await heard).message).toContain(words);
    expect(ran).toEqual([]);
    expect(server.stats()).toMatchObject({ links: 1, running: 0, queued: 0 });
  });

  it('refuses to listen when no method could be called.', async () => {
    const target = freshTarget(receiving);
    const server = createServerOn(() => [target]);
    server.add(OtherTexts, { echo: (message) => message });
    const error = await failure(server.listen());
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message).toMatch(/no method of test\.Others is one-way: nothing could be called/);
  });

  it('can neither listen in order to send, nor in a direction that the transport has not.', async () => {
    const sending = createServerOn(() => [freshTarget({ direction: 'send' })]).add(Texts, echoing);
    expect((await failure(sending.listen())).message).toMatch(/a server takes calls, and so it receives/);
    const target = plainTarget(receiving, { directions: ['duplex'] });
    const error = await failure(
      createServerOn(() => [target])
        .add(Texts, echoing)
        .listen(),
    );
    expect(error.message).toMatch(/can't listen with direction receive; it can with duplex \(capability directions\)/);
  });

  it('is what a server is on a transport that goes one way only.', async () => {
    const target = plainTarget({}, { directions: ['send'] });
    const receivingToo = { ...target, transportOptions: receiving };
    await serve(receivingToo);
    const server = createServerOn(() => [target]).add(OtherTexts, { echo: (message) => message });
    expect((await failure(server.listen())).message).toContain('with direction receive nothing can be answered');
  });
});

describe('A server', () => {
  it('refuses two methods with the same id when they are added, naming both.', () => {
    const method = (name: string, localName: string) => ({ ...Texts.methods.echo, name, localName });
    const twins = {
      typeName: 'test.Twins',
      methods: { one: method('qOzgRGG', 'one'), two: method('mQXHvZS', 'two') },
    };
    const server = createServerOn(() => []);
    const run = (message: object) => message;
    expect(() => server.add(twins, { one: run, two: run })).toThrow(
      /test\.Twins\/qOzgRGG and test\.Twins\/mQXHvZS have the same id 0x[0-9a-f]{8} \(CRC-32 of these words\): rename one/,
    );
    // What was refused has left nothing behind.
    expect(() => server.add({ ...twins, methods: {} }, {})).not.toThrow();
  });
});
