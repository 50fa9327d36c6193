import { describe, expect, it } from 'vitest';
import { RpcError } from '../errors/index.js';
import { decodeFailure, encodeFailure } from './failure-payload.js';

function across(error: RpcError, limit = 10_000, causes = true): RpcError {
  const payload = encodeFailure(error, limit, causes);
  expect(payload.length).toBeLessThanOrEqual(limit);
  const around = Buffer.concat([Buffer.from('before'), payload, Buffer.from('after')]);
  return decodeFailure(error.status, around, 6, 6 + payload.length, 'call');
}

const chainOf = (error: unknown): unknown[] =>
  error instanceof Error ? [[error.name, error.message], ...chainOf(error.cause)] : [];

describe('a failure on the wire', () => {
  it('keeps code, reason, words, details, and when to try again', () => {
    const details = [
      { typeName: 'test.A', bytes: Uint8Array.of(1, 2, 3) },
      { typeName: 'test.B', bytes: new Uint8Array(0) },
    ];
    const error = across(new RpcError('NOT_FOUND', 'kein Ort «Ø»', { reason: 'NO_PLACE', details, retryAfterMs: 1.2 }));
    expect(error).toMatchObject({ code: 'NOT_FOUND', reason: 'NO_PLACE', message: 'kein Ort «Ø»', retryAfterMs: 2 });
    expect(error.details).toEqual(details);
    expect(across(new RpcError('ABORTED', 'plain'))).not.toHaveProperty('retryAfterMs');
  });

  it('keeps the chain of causes, of both kinds, without their stacks', () => {
    const root = new TypeError('the disk is full');
    const middle = new RpcError('UNAVAILABLE', 'the store is away', { reason: 'STORE_AWAY', cause: root });
    const error = across(new RpcError('INTERNAL', 'not saved', { cause: middle }));
    expect(chainOf(error)).toEqual([
      ['RpcError', 'not saved'],
      ['RpcError', 'the store is away'],
      ['TypeError', 'the disk is full'],
    ]);
    expect(error.cause).toMatchObject({ code: 'UNAVAILABLE', reason: 'STORE_AWAY' });
    expect((error.cause as Error).stack).toBe('RpcError: the store is away');
    expect(across(new RpcError('INTERNAL', 'not saved', { cause: middle }), 10_000, false).cause).toBeUndefined();
  });

  it('keeps no more than eight causes, though they go in a circle, and none that is no error', () => {
    const circle = new Error('round');
    circle.cause = circle;
    expect(chainOf(across(new RpcError('ABORTED', 'x', { cause: circle })))).toHaveLength(9);
    expect(across(new RpcError('ABORTED', 'x', { cause: { secret: 1 } })).cause).toBeUndefined();
    const odd = Object.defineProperty(new Error('odd'), 'message', {
      get: () => {
        throw new Error('no words');
      },
    });
    expect(across(new RpcError('ABORTED', 'x', { cause: odd })).cause).toBeUndefined();
  });

  it('loses causes, then details, then the end of its words where there is no room, and says so', () => {
    const detail = { typeName: 'test.A', bytes: new Uint8Array(100) };
    const error = new RpcError('ABORTED', 'it was too much', {
      details: [detail, detail],
      retryAfterMs: 5,
      cause: new Error('c'.repeat(100), { cause: new Error('d'.repeat(100)) }),
    });
    const all = across(error, 600);
    expect([all.details.length, chainOf(all).length, all.message]).toEqual([2, 3, 'it was too much']);
    const less = across(error, 480);
    expect([less.details.length, chainOf(less).length]).toEqual([2, 2]);
    expect(less.message).toBe('it was too much (left out for want of room: 1 of its causes)');
    const still = across(error, 250);
    expect([still.details.length, chainOf(still).length]).toEqual([1, 1]);
    expect(still.message).toBe('it was too much (left out for want of room: 1 of its details and 2 of its causes)');
    expect(still.retryAfterMs).toBe(5);
    const none = across(error, 140);
    expect(none.message).toBe('it was too much (left out for want of room: 2 of its details and 2 of its causes)');
    expect(across(new RpcError('ABORTED', 'Ø'.repeat(100)), 50).message).toBe(`${'Ø'.repeat(17)}…`);
    for (let limit = 0; limit < 600; limit++) across(error, limit);
  });

  it('can not be made of just any bytes, which give an error all the same', () => {
    let seed = 7;
    const next = () => (seed = (seed * 48_271) % 0x7fff_ffff);
    const details = [{ typeName: 'test.A', bytes: Uint8Array.of(1) }];
    const valid = encodeFailure(new RpcError('ABORTED', 'words', { details, cause: new Error('y') }), 1000, true);
    for (let i = 0; i < 5000; i++) {
      const bytes = i % 2 === 0 ? Buffer.from(valid) : Buffer.from(Array.from({ length: next() % 60 }, () => next()));
      if (i % 2 === 0) bytes[next() % bytes.length] = next();
      expect(RpcError.is(decodeFailure(next() & 255, bytes, 0, bytes.length, 'call'))).toBe(true);
    }
    expect(decodeFailure(0, Buffer.alloc(0), 0, 0, 'call')).toMatchObject({ code: 'UNKNOWN', message: 'UNKNOWN' });
  });
});
