import { Admission } from '../admission.js';

/** What counts the slots of all links of a worker. */
export interface SlotsOf {
  gave(link: number, ordered: boolean): void;
}

/** The slots of a worker, as one link's calls take them. The front has seen to it that there is one for each that comes. */
export class WorkerSlots extends Admission {
  /** Calls that were begun. */
  takes = 0;
  readonly #of: SlotsOf;
  readonly #link: number;

  constructor(of: SlotsOf, link: number) {
    super(Number.POSITIVE_INFINITY, 0);
    this.#of = of;
    this.#link = link;
  }

  override tryTake(): boolean {
    this.takes++;
    return super.tryTake();
  }

  override release(ordered = false): void {
    super.release();
    this.#of.gave(this.#link, ordered);
  }
}
