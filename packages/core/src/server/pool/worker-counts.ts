import { countsPerMethod, MethodCounts } from '../stats/method-counts.js';

/** What workers count, in memory that the front reads. A worker that ends leaves its memory, counts and all, to the next. */
export class WorkerCounts {
  readonly #methods: number;
  readonly #timed: boolean;
  readonly #all: (readonly MethodCounts[])[] = [];
  readonly #free: SharedArrayBuffer[] = [];

  constructor(methods: number, timed: boolean) {
    this.#methods = methods;
    this.#timed = timed;
  }

  /** Memory for a worker, until `takeBack`. */
  give(): SharedArrayBuffer {
    const left = this.#free.pop();
    if (left !== undefined) return left;
    const memory = new SharedArrayBuffer(this.#methods * bytesPerMethod(this.#timed));
    this.#all.push(countsIn(memory, this.#methods));
    return memory;
  }

  /** The thread that had it has ended. */
  takeBack(memory: SharedArrayBuffer): void {
    this.#free.push(memory);
  }

  of(place: number): readonly MethodCounts[] {
    return this.#all.map((counts) => counts[place]!);
  }
}

/** The counts of each of so many methods. */
export function countsIn(memory: SharedArrayBuffer, methods: number): readonly MethodCounts[] {
  const timed = methods > 0 && memory.byteLength / methods === bytesPerMethod(true);
  const each = countsPerMethod(timed);
  return Array.from({ length: methods }, (_, place) => {
    const row = new Float64Array(memory, place * each * Float64Array.BYTES_PER_ELEMENT, each);
    return new MethodCounts(timed, row);
  });
}

function bytesPerMethod(timed: boolean): number {
  return countsPerMethod(timed) * Float64Array.BYTES_PER_ELEMENT;
}
