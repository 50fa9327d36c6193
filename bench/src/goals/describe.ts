import { figure } from '../format.js';
import type { Bound, Outcome, Part } from './judge.js';

/** What was measured of a goal and what it should be, in one line: `1.7 (at most 2.5)`. */
export function partsOf({ alternatives }: Outcome): string {
  const several = alternatives.flat().length > 1;
  return alternatives.map((parts) => parts.map((part) => partOf(part, several)).join(' and ')).join('; or ');
}

function partOf({ bound, value }: Part, several: boolean): string {
  const what = several && bound.by !== undefined ? `${bound.by.subject} × ` : '';
  return `${what}${figure(value)} (${boundOf(bound)})`;
}

/** `at most 2.5`. */
export function boundOf({ atMost, atLeast }: Bound): string {
  return atMost === undefined ? `at least ${figure(atLeast ?? Number.NaN)}` : `at most ${figure(atMost)}`;
}
