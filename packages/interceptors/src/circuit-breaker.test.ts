import { RpcError } from '@callgate/core';
import { describe, expect, it, vi } from 'vitest';
import { CIRCUIT_OPEN, circuitBreaker } from './circuit-breaker.js';
import { answered, failure, gate, pair, unavailable } from './testing/pair.js';

/** A client that blocks, whose calls end as `ends` says, and the states of its circuit. */
function circuit(options: { failures?: number; resetMs?: number } = {}) {
  const states: string[] = [];
  const ends: (RpcError | undefined)[] = [];
  const client = answered([circuitBreaker({ failures: 2, ...options, onState: (state) => states.push(state) })], () => {
    const error = ends.shift();
    if (error !== undefined) throw error;
    return { text: 'fine' };
  });
  const call = (end?: RpcError): RpcError | undefined => {
    ends[0] = end;
    try {
      client.echo({ text: '' });
      return undefined;
    } catch (error) {
      return error as RpcError;
    } finally {
      ends.length = 0;
    }
  };
  return { call, states };
}

describe('circuitBreaker', () => {
  it('opens after failures in a row, refuses in words, and closes when a trial succeeds', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { call, states } = circuit({ resetMs: 1000 });
      call(unavailable());
      call();
      call(unavailable());
      expect(states).toEqual([]);
      call(unavailable());
      expect(states).toEqual(['open']);
      const refused = call();
      expect(refused).toMatchObject({ code: 'UNAVAILABLE', reason: CIRCUIT_OPEN, retryAfterMs: 1000 });
      expect(refused?.message).toBe(
        'test.Texts/Echo: not begun, since 2 calls in a row have failed (circuit breaker); one may try again in 1000 ms',
      );
      vi.advanceTimersByTime(1001);
      expect(call(unavailable())).toMatchObject({ message: 'not now' });
      expect(call()).toMatchObject({ reason: CIRCUIT_OPEN });
      vi.advanceTimersByTime(1001);
      expect(call()).toBeUndefined();
      expect(call()).toBeUndefined();
      expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('counts only what says something of the callee', () => {
    const { call, states } = circuit({ failures: 1 });
    call(new RpcError('NOT_FOUND', 'no'));
    call(new RpcError('CANCELLED', 'no'));
    expect(states).toEqual([]);
    call(new RpcError('DEADLINE_EXCEEDED', 'no'));
    expect(states).toEqual(['open']);
  });

  it('lets one awaited call try at a time', async () => {
    const trial = gate();
    let fails = true;
    await using both = await pair(
      {
        echo: async (request) => {
          if (fails) throw unavailable();
          await trial.opened;
          return request;
        },
      },
      { client: [circuitBreaker({ failures: 1, resetMs: 0 })] },
    );
    await failure(both.client.echo({ text: '' }));
    fails = false;
    const first = both.client.echo({ text: 'trial' });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ reason: CIRCUIT_OPEN });
    trial.open();
    expect(await first).toEqual({ text: 'trial' });
    expect(await both.client.echo({ text: 'closed' })).toEqual({ text: 'closed' });
  });

  it('says what is wrong with its options', () => {
    expect(() => circuitBreaker({ codes: ['OK'] })).toThrow(
      'circuitBreaker: codes: expected a list of status codes such as UNAVAILABLE, found ["OK"]',
    );
    expect(() => circuitBreaker({ failures: 0 })).toThrow('circuitBreaker: failures: expected a whole number');
  });
});
