import { expect, it } from 'vitest';
import { type Balance, type Choice, Picker } from './balance.js';

/** Addresses with so many calls in flight each; undefined for one that can't be reached. */
function choice(loads: (number | undefined)[]): Choice {
  return {
    count: loads.length,
    usable: (index) => loads[index] !== undefined,
    load: (index) => loads[index] ?? Number.NaN,
  };
}

function picks(balance: Balance, among: Choice, count: number, random?: () => number): number[] {
  const picker = new Picker(balance, random);
  return Array.from({ length: count }, () => picker.pick(among));
}

it.each(['pick-first', 'round-robin', 'least-loaded'] as const)(
  '%s picks nothing where nothing can be reached.',
  (balance) => {
    expect(picks(balance, choice([undefined, undefined]), 2)).toEqual([-1, -1]);
  },
);

it('pick-first keeps to what it has until that is lost, and then begins with the first.', () => {
  const loads = [undefined, 0, 0];
  const picker = new Picker('pick-first');
  expect(picker.pick(choice(loads))).toBe(1);
  expect(picker.pick(choice([0, 0, 0]))).toBe(1);
  expect(picker.pick(choice([0, undefined, 0]))).toBe(0);
});

it('round-robin takes each in turn, and passes over what can’t be reached.', () => {
  expect(picks('round-robin', choice([0, 0, 0]), 6)).toEqual([0, 1, 2, 0, 1, 2]);
  expect(picks('round-robin', choice([0, undefined, 0]), 5)).toEqual([0, 2, 0, 2, 0]);
});

it('least-loaded takes the one with the fewest calls in flight, and equal ones in turn.', () => {
  expect(picks('least-loaded', choice([3, 1, 2]), 3)).toEqual([1, 1, 1]);
  expect(picks('least-loaded', choice([3, undefined, 2]), 2)).toEqual([2, 2]);
  expect(picks('least-loaded', choice([0, 0, 0]), 4)).toEqual([0, 1, 2, 0]);
});

it('least-loaded of many takes the better of two by chance, and never one that can’t be reached.', () => {
  const loads = [5, 4, undefined, 3, 2, 1];
  const seen = new Set(picks('least-loaded', choice(loads), 1000));
  expect(seen.has(2)).toBe(false);
  expect(seen.has(5)).toBe(true);
  // The most loaded wins against nobody but itself.
  expect(picks('least-loaded', choice(loads), 1000).filter((index) => index === 0).length).toBeLessThan(500);
});
