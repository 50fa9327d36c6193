import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RpcError } from '../../errors/index.js';
import type { Link } from '../contract.js';
import { encodeBye } from './layout.js';
import { linkedPair, NEVER, next, pattern, put, receiveAll, send } from './testing/traffic.js';

const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 0, 64];
const few = sizes.map((size, index) => pattern(index, size));

for (let bytes = 1; bytes <= 12; bytes++) {
  it(`delivers whole messages when reads give ${bytes} and writes take ${13 - bytes} bytes at most`, async () => {
    const { links } = await linkedPair({ readBytes: bytes, writeBytes: 13 - bytes });
    const received = receiveAll(links[1]);
    await send(links[0], few);
    await links[0].close(NEVER);
    expect(await received).toEqual(few);
    expect(links[1].end).toMatchObject({ by: 'peer', orderly: true });
  });
}

it('delivers whole messages through a stream that holds eight bytes', async () => {
  for (const readBytes of [1, 8]) {
    const { links } = await linkedPair({ capacity: 8, readBytes });
    const received = receiveAll(links[1]);
    await send(links[0], few);
    await links[0].close(NEVER);
    expect(await received).toEqual(few);
  }
});

it('delivers small and large messages mixed, both ways at once', async () => {
  const { links } = await linkedPair({ readBytes: 9001, writeBytes: 5003, capacity: 40_000 });
  const mixed = Array.from({ length: 200 }, (_, index) =>
    pattern(index, index % 10 === 0 ? 99_000 : (index * 37) % 900),
  );
  const takeAll = async (link: Link): Promise<void> => {
    for (const message of mixed) expect((await next(link))?.equals(message)).toBe(true);
  };
  await Promise.all(links.flatMap((link) => [send(link, mixed), takeAll(link)]));
});

it('batches: what is committed between two flushes goes out in one write', async () => {
  const { links, streams } = await linkedPair();
  const before = streams[0].writes;
  for (const message of few) put(links[0], message);
  expect(streams[0].writes).toBe(before);
  links[0].flush();
  expect(streams[0].writes).toBe(before + 1);
  links[0].flush();
  expect(streams[0].writes).toBe(before + 1);
  for (const message of few) expect(await next(links[1])).toEqual(message);
});

it('reads once for many messages, and does not read again just to find nothing', async () => {
  const { links, streams } = await linkedPair();
  for (const message of few) put(links[0], message);
  links[0].flush();
  const before = streams[1].reads;
  expect(await links[1].whenReadable(NEVER)).toBe(true);
  for (const message of few) {
    expect(links[1].receive()).not.toBeNull();
    links[1].release();
    expect(message).toBeDefined();
  }
  expect(links[1].receive()).toBeNull();
  expect(streams[1].reads).toBe(before + 1);
  // Whoever only polls gets to read all the same.
  expect(links[1].receive()).toBeNull();
  expect(streams[1].reads).toBe(before + 2);
});

it('gives the same span object for every message, in place', async () => {
  const { links } = await linkedPair();
  for (const message of few) put(links[0], message);
  links[0].flush();
  await links[1].whenReadable(NEVER);
  const first = links[1].receive();
  const memory = first?.bytes;
  links[1].release();
  const second = links[1].receive();
  expect(second).toBe(first);
  expect(second?.bytes).toBe(memory);
});

it('is full when the batch is, and takes one message of any size when nothing is unsent', async () => {
  const { links } = await linkedPair({ capacity: 1000 }, { maxMessageBytes: 100_000, batchBytes: 4096 });
  expect(put(links[0], pattern(0, 100_000))).toBe(true);
  links[0].flush();
  expect(links[0].claim(0)).toBeNull();
  expect(await links[0].whenWritable(1, performance.now() - 1)).toBe(false);
  const writable = links[0].whenWritable(1, NEVER);
  expect(await next(links[1])).toEqual(pattern(0, 100_000));
  expect(await writable).toBe(true);
  let count = 0;
  while (put(links[0], pattern(1, 100))) count++;
  // 1000 bytes are in the stream, 4096 in the batch.
  expect(count).toBe(Math.floor((4096 + 1000) / 104));
});

it('lets go of the memory of a large message once it is through', async () => {
  const { links } = await linkedPair();
  const large = links[0].claim(90_000);
  expect(large?.bytes.length).toBeGreaterThan(90_000);
  links[0].commit(90_000);
  links[0].flush();
  await links[1].whenReadable(NEVER);
  expect(links[1].receive()?.bytes.length).toBeGreaterThan(90_000);
  links[1].release();
  await setImmediate();
  put(links[0], pattern(1, 10));
  links[0].flush();
  await links[1].whenReadable(NEVER);
  expect(links[1].receive()?.bytes.length).toBe(65_536);
  expect(links[0].claim(10)?.bytes.length).toBe(65_536);
});

it('keeps a lent message in place while more comes and the peer goes', async () => {
  const { links } = await linkedPair();
  await send(links[0], [pattern(0, 60_000)]);
  await links[1].whenReadable(NEVER);
  const span = links[1].receive();
  const lent = span && { bytes: span.bytes, start: span.start, end: span.end };
  await send(links[0], [pattern(1, 50_000), pattern(2, 3)]);
  expect(await links[1].whenReadable(NEVER)).toBe(true);
  await links[0].close(NEVER);
  await setImmediate();
  expect(lent?.bytes.subarray(lent.start, lent.end).equals(pattern(0, 60_000))).toBe(true);
  links[1].release();
  expect(await next(links[1])).toEqual(pattern(1, 50_000));
  expect(await next(links[1])).toEqual(pattern(2, 3));
  expect(await next(links[1])).toBeNull();
});

it('does not deliver the half of a message, and says where the peer died', async () => {
  const { links, streams } = await linkedPair();
  await send(links[0], [pattern(0, 10)]);
  streams[0].tryWrite(Buffer.from([20, 0, 0, 0, 1, 2, 3]), 0, 7);
  streams[0].abort();
  expect(await receiveAll(links[1])).toEqual([pattern(0, 10)]);
  expect(links[1].end).toMatchObject({ by: 'peer', orderly: false });
  expect(links[1].end?.error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED', failed: 'channel' });
  expect(links[1].end?.error.message).toContain('in the middle of a message');
});

it('delivers what has come before a reset', async () => {
  const { links, streams } = await linkedPair();
  await send(links[0], [pattern(0, 10), pattern(1, 11)]);
  streams[1].failReadsWith = 'ECONNRESET';
  streams[0].abort();
  expect(await receiveAll(links[1])).toEqual([pattern(0, 10), pattern(1, 11)]);
  expect(links[1].end?.error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
});

it('learns by a failing write that the peer closed, keeps its last messages, and refuses claims with its reason', async () => {
  const { links } = await linkedPair();
  await send(links[0], [pattern(0, 10)]);
  await links[0].close(NEVER);
  put(links[1], pattern(9, 9));
  links[1].flush();
  expect(() => links[1].claim(1)).toThrow(/closed the link/);
  expect(links[1].ended).toBe(false);
  expect(await next(links[1])).toEqual(pattern(0, 10));
  expect(await next(links[1])).toBeNull();
  expect(links[1].end).toMatchObject({ by: 'peer', orderly: true });
});

it('has ended as soon as the last message of a gone peer is released, though nobody asks for another', async () => {
  const { links } = await linkedPair();
  put(links[0], pattern(0, 10));
  await links[0].close(NEVER);
  expect(await links[1].whenReadable(NEVER)).toBe(true);
  expect(links[1].receive()).not.toBeNull();
  await setImmediate();
  links[1].release();
  expect((await links[1].closed).orderly).toBe(true);
});

it('is a fault when the system fails in a way that is nobody else’s doing', async () => {
  const { links, streams } = await linkedPair();
  streams[1].failReadsWith = 'ENOMEM';
  expect(links[1].receive()).toBeNull();
  expect(links[1].end).toMatchObject({ by: 'fault', orderly: false });
  expect(links[1].end?.error.code).toBe('RESOURCE_EXHAUSTED');
});

for (const [what, bytes] of [
  ['a length over the limit', [0xa1, 0x86, 0x01, 0x00]],
  ['the largest length there is', [0xfe, 0xff, 0xff, 0xff]],
  ['an end marker of impossible lengths', [0xff, 0xff, 0xff, 0xff, 1, 200, 0, 0]],
] as const) {
  it(`disconnects a peer that sends ${what}, after the messages before it, and tells it why`, async () => {
    const { links, streams } = await linkedPair({}, { maxMessageBytes: 100_000 });
    await send(links[0], [pattern(0, 10)]);
    streams[0].tryWrite(Buffer.from(bytes), 0, bytes.length);
    expect(await receiveAll(links[1])).toEqual([pattern(0, 10)]);
    expect(links[1].end).toMatchObject({ by: 'fault', orderly: false });
    expect(links[1].end?.error).toMatchObject({ code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION' });
    expect(await receiveAll(links[0])).toEqual([]);
    expect(links[0].end).toMatchObject({ by: 'peer', orderly: false });
    expect(links[0].end?.error.message).toBe(links[1].end?.error.message);
  });
}

it('gives no more memory to a message than its bytes that have come deserve', async () => {
  const { links, streams } = await linkedPair({ capacity: 8_000_000 }, { maxMessageBytes: 2 ** 30 });
  const head = Buffer.alloc(1_500_000);
  head.writeUInt32LE(2 ** 30, 0);
  const before = process.memoryUsage().arrayBuffers;
  streams[0].tryWrite(head, 0, head.length);
  const wait = links[1].whenReadable(NEVER);
  while (streams[1].incoming.length > 0) await setImmediate();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_000_000);
  streams[0].abort();
  expect(await wait).toBe(true);
});

it('carries the reason of an error through a bye: what the refusing side says is what the other hears', async () => {
  const { links, streams } = await linkedPair();
  const bye = encodeBye(new RpcError('PERMISSION_DENIED', 'no entry', { reason: 'NOT_ALLOWED' }));
  for (const byte of bye) {
    streams[0].tryWrite(Buffer.from([byte]), 0, 1);
    await setImmediate();
  }
  expect(await next(links[1])).toBeNull();
  expect(links[1].end).toMatchObject({ by: 'peer', orderly: false });
  expect(links[1].end?.error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED', message: 'no entry' });
});

it('is not called for what nobody wants to read, again and again', async () => {
  const { links, streams } = await linkedPair();
  let events = 0;
  const { onEvents } = streams[1];
  streams[1].onEvents = (found) => {
    events++;
    onEvents(found);
  };
  expect(await links[1].whenReadable(performance.now() + 1)).toBe(false);
  await send(links[0], [pattern(0, 10)]);
  for (let turns = 0; turns < 50; turns++) await setImmediate();
  expect(events).toBeLessThanOrEqual(1);
  expect(await next(links[1])).toEqual(pattern(0, 10));
});

it('keeps the event loop alive while somebody waits or something is unsent, and not otherwise', async () => {
  const { links, streams } = await linkedPair({ capacity: 100 });
  expect(streams[0].alive).toBe(false);
  const wait = links[0].whenReadable(NEVER);
  expect(streams[0].alive).toBe(true);
  links[0].unref();
  expect(streams[0].alive).toBe(false);
  links[0].ref();
  expect(streams[0].alive).toBe(true);
  await send(links[1], [pattern(0, 1)]);
  await wait;
  expect(streams[0].alive).toBe(false);
  put(links[0], pattern(1, 500));
  links[0].flush();
  expect(streams[0].alive).toBe(true);
  expect(await next(links[1])).toEqual(pattern(1, 500));
  expect(streams[0].alive).toBe(false);
});

it('settles a wait on the event loop when a blocking call on the same link has read its message', async () => {
  const { links } = await linkedPair();
  const wait = links[1].whenReadable(NEVER);
  await send(links[0], [pattern(0, 1), pattern(1, 1)]);
  expect(links[1].waitReadable(NEVER)).toBe(true);
  expect(links[1].receive()).not.toBeNull();
  links[1].release();
  expect(await wait).toBe(true);
});

it('answers misuse with an error that says what is wrong, and goes on', async () => {
  const { links } = await linkedPair();
  expect(() => links[0].commit(0)).toThrow(/no claim/);
  links[0].claim(4);
  expect(() => links[0].claim(4)).toThrow(/still open/);
  expect(() => links[0].commit(5)).toThrow(/no claim of 5/);
  links[0].abandon();
  expect(() => links[0].claim(-1)).toThrow(RpcError);
  expect(() => links[0].claim(Number.NaN)).toThrow(RpcError);
  await send(links[0], [pattern(0, 1), pattern(1, 1)]);
  await links[1].whenReadable(NEVER);
  links[1].receive();
  expect(() => links[1].receive()).toThrow(/not released/);
  links[1].release();
  expect(await next(links[1])).toEqual(pattern(1, 1));
  const wait = links[1].whenReadable(NEVER);
  await expect(links[1].whenReadable(NEVER)).rejects.toThrow(/waits already/);
  await send(links[0], [pattern(2, 1)]);
  expect(await wait).toBe(true);
});

it('finishes two closes that stand in each other’s way: each drops what it no longer wants', async () => {
  const { links } = await linkedPair({ capacity: 100 });
  for (const link of links) {
    put(link, pattern(0, 5000));
    link.flush();
  }
  await Promise.all(links.map((link) => link.close(NEVER)));
  for (const link of links) expect(link.end?.orderly).toBe(true);
});
