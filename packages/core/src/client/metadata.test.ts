import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { addHeaders, ENVELOPE_BYTES, Kind, NO_DEADLINE, writeEnvelope } from '../channel/envelope.js';
import { Metadata } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import { createServerOn } from '../server/index.js';
import { echoing, freshTarget, pair, rawClient, rawServer, receiveRaw, sendRaw } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { Texts } from '../testing/text-service.js';
import { createClientOn } from './index.js';
import type { Order, Outcome } from './testing/metadata.worker.js';

const clearing: (() => unknown)[] = [];
afterEach(async () => {
  for (const clear of clearing.splice(0).reverse()) await clear();
});

describe('metadata of an awaited call', () => {
  it('reaches the handler, and its headers and trailers come back before the reply', async () => {
    let seen: unknown;
    await using both = await pair({
      echo: (request, context) => {
        seen = [...context.metadata];
        context.headers.set('served-by', 'Ørsted');
        context.trailers
          .set('sum-bin', Uint8Array.of(1, 2, 3))
          .append('cost', '7')
          .append('cost', '8');
        return request;
      },
    });
    const heard: unknown[] = [];
    const reply = await both.client.echo(
      { text: 'hello' },
      {
        metadata: { user: 'Ada', 'token-bin': Uint8Array.of(0, 255), tag: ['a', 'b'] },
        onHeaders: (headers) => heard.push(['headers', ...headers]),
        onTrailers: (trailers) => heard.push(['trailers', ...trailers]),
      },
    );
    expect(reply).toEqual({ text: 'hello' });
    expect(seen).toEqual([
      ['user', 'Ada'],
      ['token-bin', Uint8Array.of(0, 255)],
      ['tag', 'a'],
      ['tag', 'b'],
    ]);
    expect(heard).toEqual([
      ['headers', ['served-by', 'Ørsted']],
      ['trailers', ['sum-bin', Uint8Array.of(1, 2, 3)], ['cost', '7'], ['cost', '8']],
    ]);
  });

  it('is told as empty when the callee sends none, and costs who does not ask nothing', async () => {
    await using both = await pair({
      work: (request, context) => {
        context.headers.set('unheard', 'yes');
        return { text: `${request.text} ${context.metadata.size}` };
      },
    });
    const heard: number[] = [];
    const onHeaders = (headers: { size: number }) => heard.push(headers.size);
    await both.client.echo({ text: '' }, { onHeaders, onTrailers: onHeaders });
    expect(heard).toEqual([0, 0]);
    expect(await both.client.work({ text: 'saw' })).toEqual({ text: 'saw 0' });
  });

  it('comes ahead of the reply when the handler sends its headers early, and can not be changed then', async () => {
    const done = gate();
    let late: unknown;
    await using both = await pair({
      work: async (request, context) => {
        context.headers.set('progress', 'begun');
        context.sendHeaders();
        context.sendHeaders();
        try {
          context.headers.set('progress', 'too late');
        } catch (error) {
          late = error;
        }
        await done.opened;
        context.trailers.set('progress', 'ended');
        return request;
      },
    });
    const headers = gate<string | undefined>();
    const heard: unknown[] = [];
    const call = both.client.work(
      { text: 'x' },
      {
        onHeaders: (metadata) => {
          heard.push([...metadata]);
          headers.open(metadata.get('progress'));
        },
        onTrailers: (metadata) => heard.push([...metadata]),
      },
    );
    expect(await headers.opened).toBe('begun');
    expect(both.client.$channel.stats.inFlight).toBe(1);
    done.open();
    await call;
    expect(heard).toEqual([[['progress', 'begun']], [['progress', 'ended']]]);
    expect(late).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: Reason.BAD_METADATA,
      message: 'test.Texts/Work: the headers are on their way; what comes later goes into the trailers',
    });
  });

  it('comes with a failure too: trailers, and what the thrown error brings along', async () => {
    await using both = await pair({
      echo: (_request, context) => {
        context.headers.set('served-by', 'a');
        context.trailers.set('cost', '7');
        throw new RpcError('NOT_FOUND', 'no such place', { metadata: new Metadata({ hint: 'Oslo' }) });
      },
    });
    const heard: unknown[] = [];
    const error = await failure(
      both.client.echo({ text: '' }, { onHeaders: (headers) => heard.push(headers.get('served-by')) }),
    );
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'no such place' });
    expect([...(error.metadata ?? [])]).toEqual([
      ['cost', '7'],
      ['hint', 'Oslo'],
    ]);
    expect(heard).toEqual(['a']);
    const plain = await failure(both.client.echo({ text: '' }, { timeout: 0 }));
    expect(plain.metadata).toBeUndefined();
  });

  it('goes with one-way calls, also where nothing comes back', async () => {
    const target = freshTarget();
    const seen = gate<string | undefined>();
    const listening = { ...target, transportOptions: { direction: 'receive' as const } };
    const server = createServerOn(() => [listening]);
    server.add(Texts, {
      ...echoing,
      note: (_request, context) => {
        context.trailers.set('nobody', 'reads this');
        context.sendHeaders();
        seen.open(context.metadata.get('user'));
        return { text: '' };
      },
    });
    await server.listen();
    const client = createClientOn(Texts, () => target, { direction: 'send' });
    clearing.push(
      () => server.close({ timeoutMs: 0 }),
      () => client.$close(),
    );
    await client.note({ text: '' }, { metadata: { user: 'Ada' } });
    expect(await seen.opened).toBe('Ada');
  });

  it('that is no good fails the call before it begins', async () => {
    await using both = await pair();
    const error = await failure(both.client.echo({ text: '' }, { metadata: { 'X-Id': '1' } }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: Reason.BAD_METADATA });
    expect(error.message).toContain('write "x-id"');
    expect(both.client.$channel.stats.inFlight).toBe(0);
  });

  it('is passed on to another call without what is reserved', async () => {
    let seen: unknown;
    await using second = await pair({
      echo: (request, context) => {
        seen = [...context.metadata];
        return request;
      },
    });
    await using first = await pair({
      echo: (request, context) => second.client.echo(request, { metadata: context.metadata }),
    });
    await first.client.echo({ text: '' }, { metadata: { user: 'Ada' } });
    expect(seen).toEqual([['user', 'Ada']]);
  });

  it('fails the call when its listener throws, and leaves the channel alone', async () => {
    await using both = await pair();
    const onTrailers = () => {
      throw new TypeError('no more of this');
    };
    const error = await failure(both.client.echo({ text: '' }, { onTrailers }));
    expect(error).toMatchObject({
      code: 'CANCELLED',
      message: 'test.Texts/Echo: onTrailers threw: no more of this',
    });
    expect(await both.client.echo({ text: 'still here' })).toEqual({ text: 'still here' });
  });
});

describe('the limit of metadata', () => {
  const large = { 'large-bin': new Uint8Array(8192) };

  it('is 8 KiB, refused before anything is sent', async () => {
    await using both = await pair();
    const error = await failure(both.client.echo({ text: '' }, { metadata: large }));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.METADATA_TOO_LARGE });
    expect(error.message).toBe(
      "the metadata has 8207 bytes; at most 8192 are permitted (the smaller of both sides' maxMetadataBytes)",
    );
  });

  it('is raised by an option of both sides, and lowered by one', async () => {
    await using both = await pair({}, { client: { maxMetadataBytes: 9000 }, server: { maxMetadataBytes: 9000 } });
    expect(await both.client.echo({ text: 'x' }, { metadata: large })).toEqual({ text: 'x' });
    await using less = await pair({}, { client: { maxMetadataBytes: 9000 }, server: { maxMetadataBytes: 10 } });
    const error = await failure(less.client.echo({ text: '' }, { metadata: { user: 'Ada' } }));
    expect(error.message).toContain('the metadata has 13 bytes; at most 10 are permitted');
  });

  it('holds for what handlers send: the call fails in words, and without the metadata', async () => {
    await using both = await pair({
      work: (request, context) => {
        context.trailers.set('large-bin', new Uint8Array(9000));
        return request;
      },
    });
    const error = await failure(both.client.work({ text: '' }));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.METADATA_TOO_LARGE });
    expect(error.message).toContain("test.Texts/Work: the handler's reply can't be sent: the metadata has 9015 bytes");
    expect(error.metadata).toBeUndefined();
  });

  it('is the largest message, too: metadata counts towards it', async () => {
    await using both = await pair({}, { transport: { maxMessageBytes: 1024 } });
    const metadata = { 'half-bin': new Uint8Array(486) };
    expect(await both.client.echo({ text: 'x'.repeat(492) }, { metadata })).toBeDefined();
    const error = await failure(both.client.echo({ text: 'x'.repeat(493) }, { metadata }));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.MESSAGE_TOO_LARGE });
    expect(error.message).toContain('the message has 493 bytes and 500 of metadata; this channel carries at most 992');
  });

  it.each([0, -1, 1.5, '8k'])('can not be %s', async (maxMetadataBytes) => {
    const options = { maxMetadataBytes: maxMetadataBytes as number };
    expect(() => createClientOn(Texts, () => freshTarget(), options)).toThrow(/maxMetadataBytes: expected/);
    expect(() => createServerOn(() => [], options)).toThrow(/maxMetadataBytes: expected/);
  });
});

function withBlock(kind: number, block: Buffer, payload: string): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(ENVELOPE_BYTES), block, Buffer.from(payload)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeEnvelope(view, 0, kind, 0, 0, payload.length, 1, 0, NO_DEADLINE);
  addHeaders(view, 0, block.length);
  return bytes;
}

function hello(): Buffer {
  const payload = JSON.stringify({
    maxMessageBytes: 65_536,
    methods: [{ service: 'test.Texts', method: 'Echo', kind: 'unary' }],
    schemas: { roots: [0, 0], messages: [['test.Text', [1, 'text', 'string', 0]]] },
  });
  const bytes = Buffer.concat([Buffer.alloc(ENVELOPE_BYTES), Buffer.from(payload)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeEnvelope(view, 0, Kind.HELLO, 0, 0, payload.length, 0, 0, NO_DEADLINE);
  return bytes;
}

const BROKEN = Buffer.from([0, 1, 0, 0, 0, 0, 0x41]);

describe('a peer whose metadata can not be read', () => {
  it('is told so and cut off when it is a client', async () => {
    const heard = gate<RpcError>();
    await using both = await pair({}, { server: { onError: (error) => heard.open(error) } });
    const link = await rawClient(both.target);
    sendRaw(link, hello());
    await receiveRaw(link);
    sendRaw(link, withBlock(Kind.REQUEST, BROKEN, 'x'));
    const goodbye = await receiveRaw(link);
    expect(goodbye?.readUInt8(3)).toBe(Kind.GOODBYE);
    expect(goodbye?.toString()).toContain('key "A": expected lower-case letters');
    expect(await receiveRaw(link)).toBeUndefined();
    expect(await heard.opened).toMatchObject({ code: 'DATA_LOSS', reason: Reason.PROTOCOL_VIOLATION });
    await link.close();
  });

  it.each([
    ['with a reply', Kind.REPLY],
    ['with early headers', Kind.HEADERS],
  ])('is told so and cut off when it is a server, %s', async (_name, kind) => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const call = failure(client.echo({ text: 'hello' }));
    const server = await link;
    sendRaw(server, hello());
    await receiveRaw(server);
    await receiveRaw(server);
    sendRaw(server, withBlock(kind, BROKEN, ''));
    const error = await call;
    expect(error).toMatchObject({ code: 'DATA_LOSS', reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
    expect(error.message).toContain('it sent metadata that can\'t be read: key "A"');
    expect((await receiveRaw(server))?.readUInt8(3)).toBe(Kind.GOODBYE);
    await client.$close();
    await listener.close();
    await server.close();
  });

  it('but is only too large costs it that call', async () => {
    await using both = await pair();
    const link = await rawClient(both.target);
    sendRaw(link, hello());
    await receiveRaw(link);
    sendRaw(link, withBlock(Kind.REQUEST, Buffer.alloc(8193), 'x'));
    const reply = await receiveRaw(link);
    expect(reply?.readUInt8(3)).toBe(Kind.REPLY);
    expect(reply?.toString()).toContain(
      'test.Texts/Echo: not begun: the metadata has 8193 bytes; at most 8192 are permitted',
    );
    await link.close();
  });

  it('but is only too large costs its caller that call', async () => {
    const target = freshTarget();
    const { listener, link } = await rawServer(target);
    const client = createClientOn(Texts, () => target);
    const call = failure(client.echo({ text: 'hello' }));
    const server = await link;
    sendRaw(server, hello());
    await receiveRaw(server);
    await receiveRaw(server);
    sendRaw(server, withBlock(Kind.REPLY, Buffer.alloc(8193), ''));
    expect(await call).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: Reason.METADATA_TOO_LARGE, failed: 'call' });
    await client.$close();
    await listener.close();
    await server.close();
  });
});

describe('metadata of a blocking call', () => {
  it('goes both ways, is told when the call has ended, and comes with its failure', async () => {
    await using both = await pair({
      work: (request, context) => {
        context.headers.set('saw', `${[...context.metadata]}`);
        if (request.text === 'early') context.sendHeaders();
        if (request.text === 'throw') context.headers.set('throw', 'yes');
        context.trailers.set('cost', '7');
        if (request.text === 'fail') throw new RpcError('ABORTED', 'as asked');
        return request;
      },
    });
    const worker = new Worker(new URL('./testing/metadata.worker.js', import.meta.url), {
      workerData: { url: both.target.address.url },
    });
    clearing.push(() => worker.terminate());
    const ask = async (text: string): Promise<Outcome> => {
      worker.postMessage({ text, metadata: { user: 'Ada' } } satisfies Order);
      const [outcome] = await once(worker, 'message');
      return outcome as Outcome;
    };
    const headers = ['headers', [['saw', 'user,Ada']]];
    const trailers = ['trailers', [['cost', '7']]];
    expect(await ask('plain')).toEqual([headers, trailers, ['reply', 'plain']]);
    expect(await ask('early')).toEqual([headers, trailers, ['reply', 'early']]);
    expect(await ask('fail')).toEqual([headers, trailers, ['error', ['ABORTED', 'as asked', ['cost', '7']]]]);
    expect(await ask('throw')).toEqual([['error', ['CANCELLED', 'test.Texts/Work: onHeaders threw: no more of this']]]);
    expect(await ask('plain')).toEqual([headers, trailers, ['reply', 'plain']]);
  });
});
