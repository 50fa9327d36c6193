import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RpcError } from '../../errors/index.js';
import { openStreamLink, openStreamLinkSync, refuseStream } from './greeting.js';
import { decodeBye, encodeGreeting, encodeRefusal, GREETING_BYTES } from './layout.js';
import { memoryPair } from './testing/memory-stream.js';
import { linkedPair, NEVER, next, send } from './testing/traffic.js';

const options = { maxMessageBytes: 5000 };

function feed(stream: { tryWrite(bytes: Buffer, start: number, end: number): number }, bytes: Buffer): void {
  stream.tryWrite(bytes, 0, bytes.length);
}

it('agrees on the smaller of the two limits', async () => {
  const [one, other] = memoryPair();
  const [wide, narrow] = await Promise.all([
    openStreamLink(one, { maxMessageBytes: 9000 }, NEVER),
    openStreamLink(other, { maxMessageBytes: 70 }, NEVER),
  ]);
  expect([wide.maxMessageBytes, narrow.maxMessageBytes]).toEqual([70, 70]);
  expect(() => wide.claim(71)).toThrow(/limit of 70/);
});

it('reads no further than the greeting, byte by byte or together with the first messages', async () => {
  for (const readBytes of [1, 3, 1000]) {
    const { links } = await linkedPair({ readBytes });
    await send(links[0], [Buffer.from('first')]);
    expect((await next(links[1]))?.toString()).toBe('first');
  }
});

for (const [who, begins] of [
  ['an HTTP client', 'GET / HTTP/1.1\r\n\r\n'],
  ['somebody who types', '\n'],
  ['a TLS client', '\x16\x03\x01\x02\x00'],
  ['somebody who is right for three bytes', '\xca\x47\x54\x01'],
] as const) {
  it(`tells ${who} from a peer at the first wrong byte, and says why it disconnects`, async () => {
    const [one, other] = memoryPair();
    feed(other, Buffer.from(begins, 'latin1'));
    const opening = openStreamLink(one, options, NEVER);
    await expect(opening).rejects.toMatchObject({ code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION' });
    await expect(opening).rejects.toThrow(/does not speak Callgate: it began with [0-9a-f]{2}/);
    expect(one.released).toBe(true);
    expect(decodeBye(other.incoming, GREETING_BYTES)?.code).toBe('DATA_LOSS');
  });
}

it('tells a peer of another version, by both numbers', async () => {
  const [one, other] = memoryPair();
  feed(other, Buffer.from([0xca, 0x47, 0x53, 9]));
  await expect(openStreamLink(one, options, NEVER)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    reason: 'VERSION_MISMATCH',
    message: expect.stringMatching(/version 9 .* version 1/),
  });
});

it('passes on what a refusing peer says, also when it comes byte by byte', async () => {
  const error = new RpcError('PERMISSION_DENIED', 'uid 7 is not allowed', { reason: 'NOT_ALLOWED' });
  const [one, other] = memoryPair({ readBytes: 1 });
  refuseStream(other, error);
  await expect(openStreamLink(one, options, NEVER)).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
    reason: 'NOT_ALLOWED',
    message: 'uid 7 is not allowed',
  });
  const [two, slow] = memoryPair();
  const opening = openStreamLink(two, options, NEVER);
  const wait = expect(opening).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
  for (const byte of encodeRefusal(error)) {
    feed(slow, Buffer.from([byte]));
    await setImmediate();
  }
  await wait;
});

it('tells a refusal without an error from a death', async () => {
  const [one, other] = memoryPair();
  refuseStream(other);
  await expect(openStreamLink(one, options, NEVER)).rejects.toMatchObject({ reason: 'PEER_CLOSED' });
  const [two, gone] = memoryPair();
  gone.abort();
  await expect(openStreamLink(two, options, NEVER)).rejects.toMatchObject({ reason: 'PEER_DIED' });
});

for (const [what, bytes] of [
  ['an impossible limit', encodeGreeting(2 ** 30 + 1)],
  ['a refusal of impossible lengths', Buffer.concat([encodeRefusal().subarray(0, 8), Buffer.from([1, 255, 0, 0])])],
] as const) {
  it(`refuses ${what}`, async () => {
    const [one, other] = memoryPair();
    feed(other, bytes);
    await expect(openStreamLink(one, options, NEVER)).rejects.toMatchObject({ reason: 'PROTOCOL_VIOLATION' });
  });
}

it('does not wait past its deadline for a peer that says nothing, nor past its signal', async () => {
  const [one, silent] = memoryPair();
  await expect(openStreamLink(one, options, performance.now() + 5)).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
  expect(one.released).toBe(true);
  expect(silent.released).toBe(false);
  const [two] = memoryPair();
  const controller = new AbortController();
  const opening = openStreamLink(two, options, NEVER, controller.signal);
  controller.abort(new Error('changed my mind'));
  await expect(opening).rejects.toThrow('changed my mind');
  expect(two.released).toBe(true);
});

it('blocks for the greeting, and not past its deadline', () => {
  const [one, other] = memoryPair({ readBytes: 2 });
  feed(other, encodeGreeting(100));
  expect(openStreamLinkSync(one, options, NEVER).maxMessageBytes).toBe(100);
  const [two] = memoryPair();
  expect(() => openStreamLinkSync(two, options, performance.now())).toThrow(RpcError);
  expect(two.released).toBe(true);
});
