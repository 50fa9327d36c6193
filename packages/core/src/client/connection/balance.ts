import { badOption } from '../../channel/index.js';

/**
 * To which of several addresses a call goes. `pick-first`: to the first that can be reached, until it is lost.
 * `round-robin`: to each in turn. `least-loaded`: to the one with the fewest calls of this client in flight.
 */
export type Balance = 'pick-first' | 'round-robin' | 'least-loaded';

export const BALANCES: readonly Balance[] = ['pick-first', 'round-robin', 'least-loaded'];

/** Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveBalance(value: unknown = 'pick-first'): Balance {
  const found = BALANCES.find((balance) => balance === value);
  if (found !== undefined) return found;
  throw badOption('balance', BALANCES.join(', '), value);
}

/** Up to so many, all are looked at; of more, two by chance, which comes as close for less. */
const FEW = 4;

/** What can be chosen: an index among `count`, `usable` or not, with a load. */
export interface Choice {
  readonly count: number;
  usable(index: number): boolean;
  load(index: number): number;
}

/** Picks by turns. One object per client. */
export class Picker {
  readonly #balance: Balance;
  readonly #random: () => number;
  #next = 0;
  #first = -1;

  constructor(balance: Balance, random: () => number = Math.random) {
    this.#balance = balance;
    this.#random = random;
  }

  /** The index of what to use next, or -1 when nothing is usable. */
  pick(choice: Choice): number {
    if (this.#balance === 'pick-first') return this.#pickFirst(choice);
    const from = this.#next % choice.count;
    const first = usableFrom(choice, from);
    if (first === -1) return -1;
    const picked = this.#balance === 'round-robin' ? first : this.#leastLoaded(choice, first);
    this.#next = picked + 1;
    return picked;
  }

  /** All indices, the one that would be picked if everything were usable first. */
  order(count: number): number[] {
    const from = this.#balance === 'pick-first' ? 0 : this.#next % count;
    if (this.#balance !== 'pick-first') this.#next = from + 1;
    return Array.from({ length: count }, (_, i) => (from + i) % count);
  }

  /** Keeps to what it has until that is lost, and then begins with the first again. */
  #pickFirst(choice: Choice): number {
    if (this.#first === -1 || !choice.usable(this.#first)) this.#first = usableFrom(choice, 0);
    return this.#first;
  }

  /** Of those that are equal the one whose turn it is, so that they share what comes when nothing is in flight. */
  #leastLoaded(choice: Choice, first: number): number {
    const { count } = choice;
    if (count > FEW) {
      const a = usableFrom(choice, Math.floor(this.#random() * count) % count);
      const b = usableFrom(choice, (a + 1 + Math.floor(this.#random() * (count - 1))) % count);
      return choice.load(b) < choice.load(a) ? b : a;
    }
    let best = first;
    for (let i = 1; i < count; i++) {
      const index = (first + i) % count;
      if (choice.usable(index) && choice.load(index) < choice.load(best)) best = index;
    }
    return best;
  }
}

/** The first usable index from `from` on, all the way round; -1 for none. */
function usableFrom({ count, usable }: Choice, from: number): number {
  for (let i = 0; i < count; i++) {
    const index = (from + i) % count;
    if (usable(index)) return index;
  }
  return -1;
}
