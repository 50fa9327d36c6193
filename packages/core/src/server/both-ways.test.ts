import { describe, expect, it } from 'vitest';
import { ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, writeEnvelope } from '../channel/envelope.js';
import { type Client, createCallbacks, createClientOn } from '../client/index.js';
import { Code, type RpcError } from '../errors/index.js';
import { echoing, freshTarget, rawClient, receiveRaw, sendRaw, streaming } from '../testing/pair.js';
import { gate } from '../testing/promises.js';
import { rawEnvelope } from '../testing/raw-envelope.js';
import { Streams, Texts } from '../testing/text-service.js';
import type { Link } from '../transport/index.js';
import { createOffering, createServerOn, offer } from './index.js';

/** Its place in test.Texts. */
const NOTE = 2;
const LARGE = 1024 * 1024;
const HELLO = '{"maxMessageBytes":2097152,"methods":[],"schemas":{"roots":[],"messages":[]}}';
/** As in channel.ts. */
const MOST_ANSWERS = 16_384;

async function send(link: Link, kind: number, callId: number, payload = ''): Promise<void> {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + payload.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeEnvelope(view, 0, kind, 0, 0, payload.length, callId, 0, NO_DEADLINE);
  bytes.write(payload, ENVELOPE_BYTES);
  await link.whenWritable(bytes.length, Number.POSITIVE_INFINITY);
  if (link.end === undefined) sendRaw(link, bytes);
}

/** A server that has called its client, and that client, played by hand, which sends calls and reads nothing. */
async function servedBothWays(ringBytes = 4096, answer = '') {
  const errors: RpcError[] = [];
  const noted = gate();
  const target = freshTarget({ ringBytes, maxMessageBytes: ringBytes / 4 });
  const speak = <S>(service: S): S => service;
  const server = createServerOn(
    () => [target],
    { onError: (error) => errors.push(error) },
    { makeCallbacks: (channel) => createCallbacks(channel, { speak, interceptors: () => [] }) },
  );
  server.add(Texts, {
    ...echoing,
    note: (request) => {
      noted.open();
      return request;
    },
    echo: (request, context) => {
      context.client(Texts);
      return answer === '' ? request : { text: answer };
    },
  });
  await server.listen();
  const link = await rawClient(target);
  await send(link, Kind.HELLO, 0, HELLO);
  await receiveRaw(link);
  return { server, link, errors, noted: noted.opened };
}

describe('A server that calls its client', () => {
  it('streams to it and from it, each way and both, while it does the same.', async () => {
    const target = freshTarget({ ringBytes: 4096 });
    const speak = <S>(service: S): S => service;
    const makeCallbacks = (channel: Parameters<typeof createCallbacks>[0]) =>
      createCallbacks(channel, { speak, interceptors: () => [] });
    const server = createServerOn(() => [target], {}, { makeCallbacks });
    let known!: (back: Client<typeof Streams>) => void;
    const asked = new Promise<Client<typeof Streams>>((resolve) => {
      known = resolve;
    });
    server.add(Streams, { ...streaming });
    server.add(Texts, {
      ...echoing,
      echo: (request, context) => {
        known(context.client(Streams));
        return request;
      },
    });
    await server.listen();
    const client = createClientOn(
      Streams,
      () => target,
      {},
      createOffering([offer(Streams, streaming)], {}, () => []),
    );
    const texts = createClientOn(
      Texts,
      () => target,
      {},
      createOffering([offer(Streams, streaming)], {}, () => []),
    );
    await texts.echo({ text: '' });
    const words = Array.from({ length: 500 }, (_, i) => `word-${i}`);
    const all = async (streams: Client<typeof Streams>) => {
      const listed: string[] = [];
      for await (const { text } of streams.list({ text: words.join(' ').slice(0, 900) })) listed.push(text);
      const joined = await streams.join(words.slice(0, 50).map((text) => ({ text })));
      const said: string[] = [];
      for await (const { text } of streams.chat(words.map((text) => ({ text })))) said.push(text);
      return { listed: listed.length, joined: joined.text.length, said };
    };
    const [there, here] = await Promise.all([all(client), all(await asked)]);
    expect(here).toEqual(there);
    expect(here.said).toEqual(words.map((word) => `${word}!`));
    await client.$close();
    await texts.$close();
    await server.close();
    await expect.poll(() => server.stats()).toMatchObject({ links: 0, running: 0, queued: 0 });
  });
});

describe('A server that calls its client, which calls on and on without reading,', () => {
  it('reads on, and refuses calls once too many of its answers wait.', async () => {
    const { server, link } = await servedBothWays();
    const calls = MOST_ANSWERS + 1000;
    for (let id = 1; id <= calls; id++) await send(link, Kind.REQUEST, id);
    const answered = { ok: 0, refused: 0 };
    for (let i = 0; i < calls; i++) {
      const reply = (await receiveRaw(link)) ?? Buffer.alloc(ENVELOPE_BYTES);
      expect(reply.readUInt32LE(16)).toBe(i + 1);
      if (reply.readUInt8(6) === 0) answered.ok++;
      else {
        answered.refused++;
        expect(reply.toString('utf8', ENVELOPE_BYTES)).toMatch(
          /\d+ answers \(\d+ bytes\) wait already for \S+ to take them$/,
        );
      }
    }
    expect(answered.ok).toBeGreaterThanOrEqual(MOST_ANSWERS);
    expect(answered.refused).toBeGreaterThan(500);
    expect(server.stats()).toMatchObject({ links: 1, running: 0 });
    link.abort();
    await server.close();
  });

  it('refuses them sooner when its answers are large: 64 MiB of them wait at most.', async () => {
    const { server, link, noted } = await servedBothWays(8 * LARGE, 'x'.repeat(LARGE));
    const calls = 100;
    for (let id = 1; id <= calls; id++) await send(link, Kind.REQUEST, id);
    sendRaw(link, rawEnvelope(Kind.REQUEST, '', { methodId: NOTE, flags: Flag.ONEWAY }));
    await noted;
    const answered: number[] = [];
    for (let i = 0; i < calls; i++) answered.push((await receiveRaw(link))?.readUInt8(6) ?? -1);
    const ok = answered.lastIndexOf(0) + 1;
    // Those that wait, and those in the link.
    expect(ok).toBeGreaterThanOrEqual(64);
    expect(ok).toBeLessThan(75);
    expect(answered.slice(ok).every((status) => status === Code.RESOURCE_EXHAUSTED)).toBe(true);
    link.abort();
    await server.close();
  });

  it('gives up on a client that calls on all the same.', async () => {
    const { server, link, errors } = await servedBothWays();
    for (let id = 1; id <= 2 * MOST_ANSWERS + 1000 && link.end === undefined; id++) await send(link, Kind.REQUEST, id);
    while ((await receiveRaw(link)) !== undefined);
    await expect.poll(() => server.stats()).toMatchObject({ links: 0, running: 0, queued: 0 });
    expect(errors).toMatchObject([{ code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED', failed: 'channel' }]);
    await server.close();
  });
});
