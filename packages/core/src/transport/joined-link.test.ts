import { afterEach, describe, expect, it } from 'vitest';
import { createClientOn } from '../client/index.js';
import { createServerOn } from '../server/index.js';
import { echoing, freshTarget, receiveRaw, sendRaw } from '../testing/pair.js';
import { failure } from '../testing/promises.js';
import { Texts } from '../testing/text-service.js';
import type { Link, Listener, Transport } from './contract.js';
import { joinLinks } from './joined-link.js';

const NEVER = Number.POSITIVE_INFINITY;
const clearing: (() => unknown)[] = [];
afterEach(async () => {
  for (const clear of clearing.splice(0).reverse()) await clear();
});

/** Both ends of an inproc: link from the first to the second. */
async function oneWay(): Promise<readonly [send: Link, receive: Link]> {
  const { address, transport } = freshTarget();
  let receive!: Link;
  const listener = await transport.listen(address, { direction: 'receive', ringBytes: 4096 }, (link) => {
    receive = link;
  });
  const send = await transport.connect(address, { direction: 'send', ringBytes: 4096 }, NEVER);
  await listener.close();
  clearing.push(
    () => send.abort(),
    () => receive.abort(),
  );
  return [send, receive];
}

async function joinedPair(): Promise<readonly [Link, Link]> {
  const [forth, back] = [await oneWay(), await oneWay()];
  return [joinLinks(forth[0], back[1]), joinLinks(back[0], forth[1])];
}

describe('Two one-way links, joined', () => {
  it('are one duplex link, with the smaller limit of both.', async () => {
    const [one, other] = await joinedPair();
    expect(one.direction).toBe('duplex');
    expect(one.maxMessageBytes).toBe(4088);
    sendRaw(one, Buffer.from('ping'));
    sendRaw(other, Buffer.from('pong'));
    expect(String(await receiveRaw(other))).toBe('ping');
    expect(String(await receiveRaw(one))).toBe('pong');
  });

  it('end as one: in order, by death, and by what a half did wrong.', async () => {
    const [one, other] = await joinedPair();
    sendRaw(one, Buffer.from('last words'));
    const closed = one.close();
    expect(String(await receiveRaw(other))).toBe('last words');
    expect(await receiveRaw(other)).toBe(undefined);
    await closed;
    expect(await one.closed).toMatchObject({ by: 'local', orderly: true });
    expect(await other.closed).toMatchObject({ by: 'peer', orderly: true });
    expect(() => other.claim(1)).toThrow(other.end?.error.message ?? 'no end');

    const [brave, gone] = await joinedPair();
    gone.abort();
    expect(await brave.closed).toMatchObject({ by: 'peer', orderly: false });
    expect(() => brave.claim(1)).toThrow('died');
  });

  it('block the thread like any other link.', async () => {
    const [one, other] = await joinedPair();
    expect(one.waitReadable(performance.now() + 5)).toBe(false);
    sendRaw(other, Buffer.from('pong'));
    expect(one.waitReadable(NEVER)).toBe(true);
    expect(one.waitWritable(10, NEVER)).toBe(true);
    one.closeSync();
    expect(one.end).toMatchObject({ by: 'local', orderly: true });
  });

  it('must go the ways that are needed.', async () => {
    const [send, receive] = await oneWay();
    expect(() => joinLinks(receive, receive)).toThrow('the first link must be one that sends, found direction receive');
    expect(() => joinLinks(send, send)).toThrow('the second link must be one that receives, found direction send');
  });

  it('carry calls.', async () => {
    const transport = joinedTransport();
    const target = { ...freshTarget(), transport };
    const server = createServerOn(() => [target]).add(Texts, echoing);
    await server.listen();
    const client = createClientOn(Texts, () => target);
    clearing.push(
      () => server.close({ timeoutMs: 0 }),
      () => client.$close(),
    );
    const texts = Array.from({ length: 500 }, (_, i) => `call ${i}`);
    const replies = await Promise.all(texts.map((text) => client.echo({ text }, { timeout: 5000 })));
    expect(replies.map(({ text }) => text)).toEqual(texts);
    await server.close();
    expect((await failure(client.echo({ text: 'more' }))).code).toBe('UNAVAILABLE');
  });
});

/** Meets in this thread only. */
function joinedTransport(): Transport {
  const { transport } = freshTarget();
  let accept: ((link: Link) => void) | undefined;
  return {
    ...transport,
    connect: async (address, _options, deadline) => {
      if (accept === undefined) return transport.connect(address, {}, deadline);
      const [one, other] = await joinedPair();
      accept(other);
      return one;
    },
    listen: async (address, _options, onLink): Promise<Listener> => {
      accept = onLink;
      const close = async () => {
        accept = undefined;
      };
      return { url: address.url, close, ref: () => undefined, unref: () => undefined };
    },
  };
}
