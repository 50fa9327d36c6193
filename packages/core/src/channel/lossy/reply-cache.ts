import type { ResolvedLossyOptions } from '../../transport/lossy-options.js';
import { distance } from './head.js';

/** A copy of a message; its memory is used again. */
export interface Answer {
  readonly bytes: Buffer;
  length: number;
}

/** Bytes of memory, and how many pieces of it, that are kept for the next answers. */
const SPARE_BYTES = 2048;
const SPARES = 64;

/** What a callee knows of one thing that it was asked. */
export class Asked {
  readonly number: number;
  readonly callId: number;
  /** One-way: the word that a handler has it is the last. */
  readonly oneway: boolean;
  /** One-way, and the caller wants no word but that it has come. */
  readonly silent: boolean;
  /** Its answer has been given, or none will be. */
  done = false;
  /** The answer, or the word that a handler has it, whole, for when it is asked again. */
  answer: Answer | undefined;
  /** When the answer was given. */
  atMs = 0;

  constructor(number: number, callId: number, oneway: boolean, silent: boolean) {
    this.number = number;
    this.callId = callId;
    this.oneway = oneway;
    this.silent = silent;
  }
}

export type Verdict =
  /** Never seen: to be run. */
  | 'new'
  /** Seen, and known. */
  | 'known'
  /** The caller has said that it is done with it: whatever comes of it is an old duplicate. */
  | 'unwanted'
  /** Older than all that is remembered: whether it was run cannot be known any more. */
  | 'too old';

/**
 * The memory by which a callee runs nothing twice, of one caller in one of its lives, since it goes with the link. After
 * Birrell and Nelson, "Implementing remote procedure calls" (1984), and the duplicate request caches of Sun RPC.
 *
 * Numbers within `replyCacheEntries` of the newest are all remembered: as new, or as asked. What is older is remembered
 * only while its handler runs, and while there is room for its answer. An answer is dropped when the caller says that it is
 * done with it, when it gets old, or when there are too many bytes of them; that it was asked is not forgotten by that.
 */
export class ReplyCache {
  readonly #options: ResolvedLossyOptions;
  /**
   * What came last, until something else comes: maps whose entries come and go one by one are made anew every other
   * time, which costs more than all the rest. `#spill` puts it among the others.
   */
  #last: Asked | undefined;
  readonly #asked = new Map<number, Asked>();
  /** Those whose answers are kept, the oldest answer first. */
  readonly #kept = new Set<Asked>();
  #keptBytes = 0;
  readonly #spare: Answer[] = [];
  #newest = 0;
  /** Below this the caller wants nothing any more. */
  #oldest = 1;

  constructor(options: ResolvedLossyOptions) {
    this.#options = options;
  }

  /** For tests, and for those who wonder. */
  get size(): { readonly asked: number; readonly answers: number; readonly bytes: number } {
    this.#spill();
    return { asked: this.#asked.size, answers: this.#kept.size, bytes: this.#keptBytes };
  }

  /** Copies `bytes[start, end)`, to be given to `finish` or to `Asked.answer`. */
  copy(bytes: Buffer, start: number, end: number): Answer {
    const length = end - start;
    const spare = length <= SPARE_BYTES ? this.#spare.pop() : undefined;
    const answer = spare ?? { bytes: Buffer.allocUnsafeSlow(length <= SPARE_BYTES ? roundUp(length) : length), length };
    if (answer.bytes.length < length) return this.copy(bytes, start, end);
    answer.length = length;
    bytes.copy(answer.bytes, 0, start, end);
    return answer;
  }

  judge(number: number): Verdict {
    if (this.get(number) !== undefined) return 'known';
    if (distance(number, this.#oldest) < 0) return 'unwanted';
    return distance(number, this.#newest) <= -this.#options.replyCacheEntries ? 'too old' : 'new';
  }

  get(number: number): Asked | undefined {
    if (this.#last?.number === number) return this.#last;
    return this.#asked.size === 0 ? undefined : this.#asked.get(number);
  }

  add(asked: Asked): void {
    if (distance(asked.number, this.#newest) > 0) this.#newest = asked.number;
    this.#spill();
    this.#last = asked;
    if (this.#asked.size > 2 * this.#options.replyCacheEntries) this.#sweep();
  }

  /** The caller is done with all below: their answers go. */
  acknowledge(oldest: number): void {
    if (distance(oldest, this.#oldest) <= 0) return;
    this.#oldest = oldest;
    const last = this.#last;
    if (last?.done && distance(last.number, oldest) < 0) {
      this.#last = undefined;
      this.#drop(last);
    }
    if (this.#asked.size === 0) return;
    for (const asked of this.#kept) {
      if (distance(asked.number, oldest) >= 0) break;
      this.#drop(asked);
    }
    // In the order of their arrival, which is nearly that of their numbers.
    for (const [number, asked] of this.#asked) {
      if (distance(number, oldest) >= 0) break;
      if (!asked.done) continue;
      this.#drop(asked);
      this.#asked.delete(number);
    }
  }

  /** Nothing else will be said of it: `answer`, if any, is what was. */
  finish(asked: Asked, answer: Answer | undefined, nowMs: number): void {
    asked.done = true;
    this.#drop(asked);
    if (distance(asked.number, this.#oldest) < 0) {
      if (asked === this.#last) this.#last = undefined;
      else this.#asked.delete(asked.number);
      if (answer !== undefined) this.#spareOf(answer);
      return;
    }
    const { replyCacheBytes } = this.#options;
    if (answer !== undefined && answer.length <= replyCacheBytes) {
      asked.answer = answer;
      asked.atMs = nowMs;
      if (asked !== this.#last) this.#keep(asked, answer);
    }
    this.#trim(nowMs);
  }

  #spill(): void {
    const last = this.#last;
    if (last === undefined) return;
    this.#last = undefined;
    this.#asked.set(last.number, last);
    if (!last.done || last.answer === undefined) return;
    this.#keep(last, last.answer);
    this.#trim(last.atMs);
  }

  /** Lets go of answers that are too many, too large together, or too old. */
  #trim(nowMs: number): void {
    if (this.#kept.size === 0) return;
    const { replyCacheBytes, replyCacheMs } = this.#options;
    for (const oldest of this.#kept) {
      const fits = this.#keptBytes <= replyCacheBytes && this.#kept.size <= this.#options.replyCacheEntries;
      if (fits && nowMs - oldest.atMs <= replyCacheMs) break;
      this.#drop(oldest);
    }
  }

  #keep(asked: Asked, answer: Answer): void {
    this.#kept.add(asked);
    this.#keptBytes += answer.length;
  }

  #drop(asked: Asked): void {
    const { answer } = asked;
    if (answer === undefined) return;
    asked.answer = undefined;
    if (this.#kept.size > 0 && this.#kept.delete(asked)) this.#keptBytes -= answer.length;
    this.#spareOf(answer);
  }

  #spareOf(answer: Answer): void {
    if (answer.bytes.length <= SPARE_BYTES && this.#spare.length < SPARES) this.#spare.push(answer);
  }

  /** What is done and too old to be taken for new needs no mark. */
  #sweep(): void {
    for (const [number, asked] of this.#asked) {
      if (!asked.done || distance(number, this.#newest) > -this.#options.replyCacheEntries) continue;
      this.#drop(asked);
      this.#asked.delete(number);
    }
  }
}

/** To a power of two, so that memory fits again. */
function roundUp(bytes: number): number {
  return Math.max(128, 2 ** Math.ceil(Math.log2(bytes)));
}
