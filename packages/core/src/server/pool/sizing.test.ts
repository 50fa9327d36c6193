import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PoolCensus, type PoolSize, restartDelay, workersToEnd, workersToStart } from './sizing.js';

const sizes: fc.Arbitrary<PoolSize> = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.nat(6), fc.nat(6), fc.integer({ min: 1, max: 5 }))
  .map(([loWater, more, most, increment]) => ({
    loWater,
    hiWater: loWater + more,
    maximum: loWater + more + most,
    increment,
  }));

type Event = 'call' | 'done' | 'ready' | 'dies';

/** A pool as a list of its workers, by what each does: nothing is counted, and rules are said in words of workers. */
class Model {
  workers: ('starting' | 'waiting' | 'busy')[] = [];
  readonly #size: PoolSize;

  constructor(size: PoolSize) {
    this.#size = size;
    this.#fill();
  }

  /** While too few wait or are about to, a batch is started, worker by worker, as long as there may be another. */
  #fill(): void {
    const { loWater, increment, maximum } = this.#size;
    while (this.workers.filter((worker) => worker !== 'busy').length < loWater) {
      for (let i = 0; i < increment; i++) if (this.workers.length < maximum) this.workers.push('starting');
      if (this.workers.length === maximum) return;
    }
  }

  happen(event: Event): void {
    const from = { call: 'waiting', done: 'busy', ready: 'starting', dies: 'busy' }[event];
    const at = this.workers.indexOf(from as (typeof this.workers)[number]);
    if (at === -1) return;
    this.workers.splice(at, 1);
    if (event === 'call') this.workers.push('busy');
    if (event === 'done' || event === 'ready') {
      const waiting = this.workers.filter((worker) => worker === 'waiting').length;
      if (waiting < this.#size.hiWater) this.workers.push('waiting');
    }
    this.#fill();
  }
}

function censusOf(model: Model): PoolCensus {
  const count = (what: string): number => model.workers.filter((worker) => worker === what).length;
  return { starting: count('starting'), waiting: count('waiting'), busy: count('busy') };
}

function apply(census: PoolCensus, size: PoolSize, event: Event): PoolCensus {
  let { starting, waiting, busy } = census;
  if (event === 'call' && waiting > 0) [waiting, busy] = [waiting - 1, busy + 1];
  else if (event === 'done' && busy > 0) [waiting, busy] = [waiting + 1, busy - 1];
  else if (event === 'ready' && starting > 0) [starting, waiting] = [starting - 1, waiting + 1];
  else if (event === 'dies' && busy > 0) busy--;
  waiting -= workersToEnd({ starting, waiting, busy }, size);
  starting += workersToStart({ starting, waiting, busy }, size);
  return { starting, waiting, busy };
}

describe('The size of a pool', () => {
  it('is that of the model, whatever happens.', () => {
    const events = fc.array(fc.constantFrom<Event>('call', 'done', 'ready', 'dies'), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, events, (size, happened) => {
        const model = new Model(size);
        let census: PoolCensus = { starting: 0, waiting: 0, busy: 0 };
        census = { ...census, starting: workersToStart(census, size) };
        expect(census).toEqual(censusOf(model));
        for (const event of happened) {
          model.happen(event);
          census = apply(census, size, event);
          expect(census).toEqual(censusOf(model));
          const { starting, waiting, busy } = census;
          expect(starting + waiting + busy).toBeLessThanOrEqual(size.maximum);
          expect(waiting).toBeLessThanOrEqual(size.hiWater);
          // Too few wait only where there may be no more.
          if (starting + waiting < size.loWater) expect(starting + waiting + busy).toBe(size.maximum);
        }
      }),
    );
  });

  it('follows a maximum that becomes smaller as far as workers wait.', () => {
    const size = { loWater: 1, hiWater: 2, increment: 1, maximum: 2 };
    expect(workersToEnd({ starting: 0, waiting: 2, busy: 3 }, size)).toBe(2);
    expect(workersToEnd({ starting: 0, waiting: 0, busy: 3 }, size)).toBe(0);
    expect(workersToStart({ starting: 0, waiting: 0, busy: 3 }, size)).toBe(0);
  });

  it('is restored at once after one death, and later and later after many in a row, though never after more than 10 s.', () => {
    expect([1, 2, 3, 4, 20].map(restartDelay)).toEqual([0, 50, 100, 200, 10_000]);
  });
});
