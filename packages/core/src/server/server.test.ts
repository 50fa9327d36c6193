import { describe, expect, it } from 'vitest';
import { ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, writeEnvelope } from '../channel/envelope.js';
import { echoing, freshTarget, pair, rawClient, receiveRaw, sendRaw } from '../testing/pair.js';
import { failure, gate } from '../testing/promises.js';
import { Texts } from '../testing/text-service.js';
import type { Link } from '../transport/index.js';
import { largestMessage, recordBytes } from '../transport/ring/layout.js';
import { createServerOn, type Server, type ServerOptions } from './index.js';

const HELLO = '{"maxMessageBytes":4096,"methods":[],"schemas":{"roots":[],"messages":[]}}';
const RING = 4096;
/** Ids of methods by their places in test.Texts. */
const ECHO = 0;
const WORK = 1;
const NOTE = 2;

function send(link: Link, kind: number, callId = 0, payload = '', more: { methodId?: number; flags?: number } = {}) {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + Buffer.byteLength(payload));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { methodId = ECHO, flags = 0 } = more;
  writeEnvelope(view, 0, kind, flags, 0, bytes.length - ENVELOPE_BYTES, callId, methodId, NO_DEADLINE);
  bytes.write(payload, ENVELOPE_BYTES);
  sendRaw(link, bytes);
}

/** A server, and a client played by hand that has greeted it. */
async function served(
  options: ServerOptions,
  handlers = echoing,
): Promise<{ server: Server; link: Link; hello: Buffer }> {
  const target = freshTarget({ ringBytes: RING });
  const server = createServerOn(() => [target], options);
  server.add(Texts, handlers);
  await server.listen();
  const link = await rawClient(target);
  send(link, Kind.HELLO, 0, HELLO);
  const hello = (await receiveRaw(link)) ?? Buffer.alloc(0);
  return { server, link, hello };
}

describe('a server', () => {
  it('that is closed while it begins to listen does not listen', async () => {
    const target = freshTarget();
    const server = createServerOn(() => [target]);
    server.add(Texts, echoing);
    const listening = failure(server.listen());
    await server.close();
    expect(await listening).toMatchObject({ code: 'FAILED_PRECONDITION', message: 'the server is closed' });
    expect(await failure(rawClient(target))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('tells of a reply that cannot be sent also when others wait for room', async () => {
    const all = gate();
    await using both = await pair(
      {
        work: async (request) => {
          await all.opened;
          return request.text === 'bad' ? (undefined as never) : { text: 'x'.repeat(3000) };
        },
      },
      { transport: { ringBytes: 4096 } },
    );
    const good = [1, 2, 3, 4].map(() => both.client.work({ text: '' }));
    const bad = failure(both.client.work({ text: 'bad' }));
    await both.client.echo({ text: 'a round trip later' });
    all.open();
    expect((await Promise.all(good)).length).toBe(4);
    expect(await bad).toMatchObject({ code: 'INTERNAL', failed: 'call' });
    expect(both.server.stats()).toMatchObject({ running: 0, links: 1 });
  });

  it('survives a thenable that settles twice or throws', async () => {
    await using both = await pair(
      {
        work: (request) =>
          ({
            // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
            then: (resolve: (value: unknown) => void) => {
              if (request.text === 'throw') throw new Error('not a promise');
              resolve(request);
              resolve(request);
            },
          }) as never,
      },
      { server: { maxConcurrentCalls: 1, onError: () => undefined } },
    );
    expect(await both.client.work({ text: 'twice' })).toEqual({ text: 'twice' });
    expect(await failure(both.client.work({ text: 'throw' }))).toMatchObject({ message: 'not a promise' });
    expect(both.server.stats().running).toBe(0);
  });

  it('takes nothing more of a peer that broke the protocol, though the link takes its time to close', async () => {
    const { server, link, hello } = await served(
      { maxConcurrentCalls: 1, onError: () => undefined },
      { ...echoing, echo: (request) => ({ text: 'x'.repeat(Number(request.text)) }) },
    );
    // Two replies that fill the link to the last byte, from where the greeting ended: its end has to wait for room.
    const before = recordBytes(hello.length);
    const most = largestMessage(RING) - ENVELOPE_BYTES;
    expect(link.receive()).toBeNull();
    send(link, Kind.REQUEST, 1, String(most - before));
    send(link, Kind.REQUEST, 2, String(before - recordBytes(ENVELOPE_BYTES)));
    send(link, 99);
    send(link, Kind.PROBE, 77);
    while ((await receiveRaw(link)) !== undefined);
    await expect.poll(() => server.stats()).toMatchObject({ links: 0, running: 0, queued: 0 });
    await server.close();
  });

  it('tells who waits for a one-way call to be taken that it never will be', async () => {
    const hang = gate();
    const heard: unknown[] = [];
    const { server, link } = await served(
      { maxConcurrentCalls: 1, maxQueuedCalls: 0, onError: (error) => heard.push(error) },
      { ...echoing, echo: (request) => hang.opened.then(() => request) },
    );
    send(link, Kind.REQUEST, 1, 'busy');
    send(link, Kind.REQUEST, 2, 'waits', { methodId: NOTE, flags: Flag.ONEWAY | Flag.CONFIRM });
    const answer = await receiveRaw(link);
    expect([answer?.readUInt8(3), answer?.readUInt32LE(16)]).toEqual([Kind.REPLY, 2]);
    expect(answer?.toString('utf8', ENVELOPE_BYTES)).toContain('too many calls run and wait already');
    send(link, Kind.REQUEST, 3, 'does not wait', { methodId: NOTE, flags: Flag.ONEWAY });
    await expect.poll(() => heard.length).toBe(1);
    hang.open();
    await link.close();
    await server.close();
  });
});

describe('a slot that a probe has reserved', () => {
  const slow = (opened: Promise<unknown>): typeof echoing => ({
    ...echoing,
    work: async (request) => {
      await opened;
      return request;
    },
  });

  it('goes to others when the request does not come, and the request is refused when it comes after all', async () => {
    const all = gate();
    const { server, link } = await served({ maxConcurrentCalls: 1 }, slow(all.opened));
    send(link, Kind.PROBE, 1, '', { methodId: WORK });
    expect(kindOf(await receiveRaw(link))).toBe(Kind.READY);
    expect(server.stats()).toMatchObject({ running: 1, queued: 0 });
    send(link, Kind.REQUEST, 2, '', { methodId: WORK });
    await expect.poll(() => server.stats(), { timeout: 10_000 }).toMatchObject({ running: 1, queued: 1 });
    // What is queued begins when the reservation has expired, and keeps the slot.
    await expect.poll(() => server.stats(), { timeout: 10_000 }).toMatchObject({ running: 1, queued: 0 });
    send(link, Kind.REQUEST, 1, '', { methodId: WORK, flags: Flag.RESERVED });
    const refusal = (await receiveRaw(link)) ?? Buffer.alloc(0);
    expect(kindOf(refusal)).toBe(Kind.REPLY);
    expect(refusal.toString()).toContain(
      "test.Texts/Work: not begun, since no handler is ready (timeout: 'immediate')",
    );
    all.open();
    expect(kindOf(await receiveRaw(link))).toBe(Kind.REPLY);
    link.abort();
    await server.close();
  });
});

function kindOf(message: Buffer | null | undefined): number | undefined {
  return message?.[3];
}
