import { describe, expect, it } from 'vitest';
import { Reason, RpcError } from '../../errors/index.js';
import { dividePoolOptions, type PoolOptions, resolvePoolKnobs, resolvePoolStart } from './options.js';

const bad = (words: string): RpcError => new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });

describe('The knobs of a pool', () => {
  it('have defaults that suit the machine.', () => {
    expect(resolvePoolKnobs({}, 4)).toEqual({
      loWater: 1,
      hiWater: 4,
      increment: 1,
      maximum: 4,
      perWorker: 1,
      maxQueued: 1000,
      lateAfterMs: 1000,
      stuckAfterMs: Number.POSITIVE_INFINITY,
    });
    expect(resolvePoolKnobs({ loWater: 6 }, 4)).toMatchObject({ loWater: 6, hiWater: 6, maximum: 6 });
  });

  it.each<[PoolOptions, string]>([
    [{ loWater: 3, maximum: 2 }, "pool.maximum: 2 workers in all can't be fewer than loWater, 3"],
    [{ loWater: 3, hiWater: 2 }, "pool.hiWater: 2 workers that may wait can't be fewer than loWater, 3"],
    [{ hiWater: 5, maximum: 4 }, "pool.hiWater: 5 workers that may wait can't be more than maximum, 4"],
    [{ loWater: 0 }, 'pool.loWater: expected a whole number from 1 to 512, found 0'],
    [{ loWater: -1 }, 'pool.loWater: expected a whole number from 1 to 512, found -1'],
    [{ increment: 1.5 }, 'pool.increment: expected a whole number from 1 to 512, found 1.5'],
    [{ maximum: Number.NaN }, 'pool.maximum: expected a whole number from 1 to 512, found NaN'],
    [{ perWorker: 0 }, 'pool.perWorker: expected a whole number from 1 to 65536, found 0'],
    [{ maxQueued: -1 }, 'pool.maxQueued: expected a whole number from 0 to 1000000, found -1'],
    [{ maximum: '4' as never }, 'pool.maximum: expected a whole number from 1 to 512, found "4"'],
    [{ stuckAfterMs: 0 }, 'pool.stuckAfterMs: expected milliseconds, more than 0, found 0'],
  ])('are refused in words where they make no sense: %j', (knobs, words) => {
    expect(() => resolvePoolKnobs(knobs, 4)).toThrow(bad(words));
  });

  it('are refused where there is no such knob.', () => {
    expect(() => dividePoolOptions({ minimum: 3 } as PoolOptions)).toThrow(
      bad(
        'pool: expected a map of loWater, hiWater, increment, maximum, perWorker, maxQueued, lateAfterMs, stuckAfterMs, setup, startTimeoutMs, execArgv, resourceLimits, found minimum',
      ),
    );
    expect(() => dividePoolOptions(4 as never)).toThrow(bad('pool: expected a map of knobs, found 4'));
    expect(() => resolvePoolStart({ setup: 4 as never })).toThrow(
      bad('pool.setup: expected the URL or path of a module, found 4'),
    );
  });
});
