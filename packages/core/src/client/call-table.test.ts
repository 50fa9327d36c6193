import { expect, it } from 'vitest';
import { CallInFlight, type StubMethod } from './call-in-flight.js';
import { CallTable } from './call-table.js';

const call = (): CallInFlight =>
  new CallInFlight({} as StubMethod, { immediate: false, sendMs: 0, replyMs: 0, shared: true }, 0, false);

it('finds every call by its id and no other, whatever comes and goes in between', () => {
  const table = new CallTable();
  const known = new Map<number, CallInFlight>();
  // A fixed sequence of pseudo-random numbers, so that a failure can be repeated.
  let seed = 12345;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % below;
  };
  for (let step = 0; step < 50_000; step++) {
    // Waves: the table grows to some thousands and shrinks again.
    if (random(100) < (Math.floor(step / 5000) % 2 === 0 ? 70 : 35)) {
      const added = call();
      table.add(added);
      expect(known.has(added.id)).toBe(false);
      known.set(added.id, added);
    } else if (known.size > 0) {
      const [id, gone] = [...known][random(Math.min(known.size, 50))]!;
      expect(table.delete(gone)).toBe(true);
      expect(table.delete(gone)).toBe(false);
      expect(table.get(id)).toBeUndefined();
      known.delete(id);
    }
    if (step % 997 === 0) for (const [id, expected] of known) expect(table.get(id)).toBe(expected);
  }
  expect(table.size).toBe(known.size);
  expect(new Set(table.values())).toEqual(new Set(known.values()));
  expect(table.get(0)).toBeUndefined();
});
