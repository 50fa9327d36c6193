import { Code } from '../../errors/index.js';
import { SLOTS, slotOf } from './slots.js';

/**
 * What is counted of one method, by one thread, as numbers in a row that another thread may read at any time:
 *
 * ```
 *   0       handlers that have begun
 *   1 …17   calls that have ended, by status code
 *   18      ns that the answered ones took, all together
 *   19      ns that the longest of them took
 *   20 …    if durations are kept: how many took how long, by slot
 * ```
 */
const CODES = 1 + Math.max(...Object.values(Code));
const ENDED = 1;
const SUM = ENDED + CODES;
const LONGEST = SUM + 1;
const HEAD = LONGEST + 1;

/** Numbers in a row, in memory of 8 bytes each. */
export function countsPerMethod(timed: boolean): number {
  return timed ? HEAD + SLOTS : HEAD;
}

export class MethodCounts {
  /** Whether durations are kept. */
  readonly timed: boolean;
  readonly #row: Float64Array;

  /** `row`: of the length that `countsPerMethod` says. @default memory of its own */
  constructor(timed: boolean, row: Float64Array = new Float64Array(countsPerMethod(timed))) {
    this.timed = timed;
    this.#row = row;
  }

  begun(): void {
    this.#row[0]! += 1;
  }

  ended(status: number): void {
    this.#row[ENDED + status]! += 1;
  }

  /** @param ms that an answered call took */
  took(ms: number): void {
    const ns = Math.max(0, ms * 1e6);
    const row = this.#row;
    row[SUM]! += ns;
    if (ns > row[LONGEST]!) row[LONGEST] = ns;
    row[HEAD + slotOf(ns)]! += 1;
  }

  /** Adds what it has counted. */
  addTo(sum: CountsSum): void {
    const row = this.#row;
    sum.begun += row[0]!;
    for (let code = 0; code < CODES; code++) sum.ended[code]! += row[ENDED + code]!;
    if (!this.timed) return;
    sum.sumNs += row[SUM]!;
    sum.longestNs = Math.max(sum.longestNs, row[LONGEST]!);
    for (let slot = 0; slot < SLOTS; slot++) sum.slots[slot]! += row[HEAD + slot]!;
  }
}

/** What several threads have counted of one method. */
export interface CountsSum {
  begun: number;
  readonly ended: Float64Array;
  sumNs: number;
  longestNs: number;
  readonly slots: Float64Array;
}

export function emptySum(timed: boolean): CountsSum {
  return {
    begun: 0,
    ended: new Float64Array(CODES),
    sumNs: 0,
    longestNs: 0,
    slots: new Float64Array(timed ? SLOTS : 0),
  };
}
