import { from, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { RpcError } from '../../errors/index.js';
import { type OpenSource, openSource, Pulled, withOverflow } from './sources.js';

/** Everything that can be pulled now. */
function drain(source: OpenSource): unknown[] {
  const items: unknown[] = [];
  while (source.pull() === Pulled.ITEM) items.push(source.item);
  return items;
}

function open(value: unknown): OpenSource {
  const source = openSource(value);
  if (source === undefined) throw new Error('no source');
  source.start();
  return source;
}

describe('a source', () => {
  it.each([7, 'text', undefined, null, {}, () => {}])('is not made of %s', (value) => {
    expect(openSource(value)).toBeUndefined();
  });

  it('is not asked for anything before it is pulled', () => {
    let asked = 0;
    const source = open(
      (function* () {
        for (;;) yield ++asked;
      })(),
    );
    expect(asked).toBe(0);
    source.pull();
    expect(asked).toBe(1);
  });

  it('that was stopped before it began is never begun', () => {
    let begun = false;
    const source = open({
      [Symbol.iterator]() {
        begun = true;
        return [].values();
      },
    });
    source.stop();
    expect(source.pull()).toBe(Pulled.DONE);
    expect(begun).toBe(false);
  });

  it('throws what its iterator throws when it is stopped, once', () => {
    const source = open({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return() {
          throw new Error('can not stop');
        },
      }),
    });
    source.pull();
    expect(() => source.stop()).toThrow('can not stop');
    expect(() => source.stop()).not.toThrow();
  });

  it('that is no proper iterator fails instead of throwing', () => {
    for (const value of [
      { [Symbol.iterator]: () => 7 },
      { [Symbol.asyncIterator]: () => 7 },
      { [Symbol.iterator]: () => ({ next: () => 7 }) },
    ]) {
      const source = open(value);
      const first = source.pull();
      expect(first === Pulled.FAILED || first === Pulled.ITEM).toBe(true);
    }
  });

  it('tells when an async iterator has something, and waits for the end of its clean-up', async () => {
    let cleaned = false;
    const source = openSource(
      (async function* () {
        try {
          yield 1;
          yield 2;
        } finally {
          await undefined;
          cleaned = true;
        }
      })(),
    ) as OpenSource;
    const ready = () =>
      new Promise<void>((resolve) => {
        source.onReady = resolve;
      });
    const first = ready();
    source.start();
    expect(source.pull()).toBe(Pulled.NOTHING);
    await first;
    expect([source.pull(), source.item]).toEqual([Pulled.ITEM, 1]);
    await source.stop();
    expect(cleaned).toBe(true);
  });
});

describe('an observable that gives more than is taken', () => {
  const five = () => from([1, 2, 3, 4, 5]);

  it('keeps the newest when it drops the oldest', () => {
    expect(drain(open(withOverflow(five(), { policy: 'drop-oldest', bound: 2 })))).toEqual([4, 5]);
  });

  it('keeps the oldest when it drops the newest', () => {
    expect(drain(open(withOverflow(five(), { policy: 'drop-newest', bound: 2 })))).toEqual([1, 2]);
  });

  it('fails otherwise, says what to do, and is not subscribed to any more', () => {
    const subject = new Subject<number>();
    const source = open(withOverflow(subject, { bound: 2 }));
    for (const value of [1, 2, 3]) subject.next(value);
    expect(subject.observed).toBe(false);
    expect(source.pull()).toBe(Pulled.FAILED);
    expect(source.error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'OVERFLOW' });
    expect((source.error as RpcError).message).toBe(
      "the observable gave more messages than are read: 2 wait already, and it can't be made to wait; give a generator instead, or say what to drop (withOverflow)",
    );
  });

  it('is one: what is none is refused in words', () => {
    const words = 'withOverflow: expected an observable (anything else can be made to wait)';
    for (const none of [5, undefined, [1, 2]]) expect(() => withOverflow(none as never)).toThrow(words);
    expect(() => withOverflow(five(), { policy: 'drop' as never })).toThrow('withOverflow: policy: expected');
    expect(drain(open(withOverflow(five())))).toEqual([1, 2, 3, 4, 5]);
  });

  it('is stopped at once, though it would give values without end', () => {
    let given = 0;
    const endless = from(
      (function* () {
        for (;;) yield ++given;
      })(),
    );
    const source = open(withOverflow(endless, { bound: 2 }));
    expect(given).toBeLessThan(6);
    expect(source.pull()).toBe(Pulled.FAILED);
  });

  it('need not be one of rxjs', () => {
    let ended = 0;
    const source = open({
      subscribe(observer: { next(value: number): void }) {
        observer.next(1);
        return { unsubscribe: () => ended++ };
      },
    });
    expect(drain(source)).toEqual([1]);
    source.stop();
    source.stop();
    expect(ended).toBe(1);
  });

  it('has a bound of 1,024 unless told otherwise', () => {
    expect(drain(open(from(Array(1024).fill(0))))).toHaveLength(1024);
    expect(open(from(Array(1025).fill(0))).pull()).toBe(Pulled.FAILED);
  });

  it('is refused a policy that there is not', () => {
    expect(() => withOverflow(of(1), { policy: 'explode' as never })).toThrow(
      "withOverflow: policy: expected 'fail', 'drop-oldest' or 'drop-newest', found explode",
    );
    expect(() => withOverflow(of(1), { bound: 0 })).toThrow('withOverflow: bound: expected a number of at least 1');
  });
});
