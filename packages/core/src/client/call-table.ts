import type { CallInFlight } from './call-in-flight.js';

const LEAST_SLOTS = 64;
/** Ids are whole numbers from 1 to this, which V8 keeps in registers. */
const LAST_ID = 2 ** 30;

/**
 * Calls by id. Ids count up, so that a plain array serves as the table: a call is in the slot that the low bits of its
 * id name, and an id whose slot is taken is passed over. Several times cheaper than a Map, which hashes and compacts.
 */
export class CallTable {
  #slots: (CallInFlight | undefined)[] = new Array<CallInFlight | undefined>(LEAST_SLOTS).fill(undefined);
  #size = 0;
  readonly #first: number;
  readonly #last: number;
  #lastId: number;

  /** Ids go from `first` to `last`: where several number calls over one link, each has its own. */
  constructor(first = 1, last = LAST_ID) {
    this.#first = first;
    this.#last = last;
    this.#lastId = first - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Gives the call an id that no other call in the table has. */
  add(call: CallInFlight): void {
    if (2 * this.#size >= this.#slots.length) this.#grow();
    const mask = this.#slots.length - 1;
    let id = this.#lastId;
    do id = id === this.#last ? this.#first : id + 1;
    while (this.#slots[id & mask] !== undefined);
    this.#lastId = id;
    this.#slots[id & mask] = call;
    this.#size++;
    call.id = id;
  }

  get(id: number): CallInFlight | undefined {
    const call = this.#slots[id & (this.#slots.length - 1)];
    return call !== undefined && call.id === id ? call : undefined;
  }

  /** False when the call was not in the table. */
  delete(call: CallInFlight): boolean {
    const slot = call.id & (this.#slots.length - 1);
    if (this.#slots[slot] !== call) return false;
    this.#slots[slot] = undefined;
    this.#size--;
    return true;
  }

  /** All calls as they are now; the table may change meanwhile. */
  values(): CallInFlight[] {
    return this.#slots.filter((call) => call !== undefined);
  }

  /** Twice the slots: two ids that differ in their low bits still do so in one more. */
  #grow(): void {
    const slots = new Array<CallInFlight | undefined>(2 * this.#slots.length).fill(undefined);
    for (const call of this.values()) slots[call.id & (slots.length - 1)] = call;
    this.#slots = slots;
  }
}
