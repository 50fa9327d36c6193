/** A look that lets others run takes so many ms at most, unless the processor is wanted by somebody who keeps it. */
const LONG_MS = 0.5;
/** How many waits are spent asleep before looking is tried again. */
const WAITS = 64;

/**
 * Whether looking for a message is of use before sleeping. A thread that looks and lets others run in between is as
 * quick as one that sleeps where nobody else wants the processor, and saves two wake-ups. Where somebody computes, it
 * is put behind him for a whole time slice (10 ms), while one that sleeps is woken in front of him.
 */
export class Crowd {
  #waits = 0;

  /** To be asked at the start of a wait. */
  get looks(): boolean {
    if (this.#waits === 0) return true;
    this.#waits--;
    return false;
  }

  /** After a look that lasted so long; true when it is no use to go on. */
  tooLong(ms: number): boolean {
    if (ms < LONG_MS) return false;
    this.#waits = WAITS;
    return true;
  }
}
