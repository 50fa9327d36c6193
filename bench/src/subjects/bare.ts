import type { ProgramSubject } from '../subject.js';

/**
 * The least that a call over a mechanism can cost: the two processes of `native/bare-<mechanism>.c`.
 * @param about after `C: two processes `
 */
export function bareSubject(mechanism: string, about: string): ProgramSubject {
  return { name: `bare-${mechanism}`, kind: 'bare', about: `C: two processes ${about}`, mechanism };
}
