import type { LinkEnd } from '../contract.js';
import { closedHere } from '../ends.js';
import { FAILED, HUNG_UP, WRITABLE } from './contract.js';
import { type Head, MESSAGE } from './inbox.js';
import type { Wire } from './wire.js';

/** An orderly close by this side: everything unsent is written, then the end marker, then the stream is let go. */
export class Farewell {
  /** What this side's link fails with from now on. */
  readonly error = closedHere();
  /** What the stream still does to let go. */
  lingering: Promise<void> | undefined;
  readonly #wire: Wire;
  readonly #look: () => Head;
  readonly #finish: (end: LinkEnd) => void;

  /** `look` says what has come, and finishes by itself when that is an end or a fault. */
  constructor(wire: Wire, look: () => Head, finish: (end: LinkEnd) => void) {
    this.#wire = wire;
    this.#look = look;
    this.#finish = finish;
  }

  begin(): void {
    const { inbox, outbox, fate } = this.#wire;
    inbox.detach();
    if (fate !== undefined) {
      this.#finish(fate);
      return;
    }
    outbox.sayBye();
    this.#wire.push();
    this.#finishIfWritten();
  }

  /** What the peer still sends is dropped: it may have to be rid of it before it reads. */
  go(events: number): void {
    if ((events & WRITABLE) !== 0) this.#wire.push();
    this.#finishIfWritten();
    if (this.#wire.released || (events & ~WRITABLE) === 0) return;
    if (!this.#wire.fill() && (events & (HUNG_UP | FAILED)) !== 0) this.#wire.lose(undefined);
    while (!this.#wire.released && this.#look() === MESSAGE) {
      this.#wire.inbox.lend();
      this.#wire.inbox.release();
    }
  }

  /** The deadline has passed. */
  giveUp(): void {
    this.#finish({ by: 'local', orderly: false, error: this.error });
  }

  #finishIfWritten(): void {
    if (this.#wire.released || this.#wire.outbox.pending) return;
    this.lingering = this.#wire.releaseOrderly();
    this.#finish({ by: 'local', orderly: true, error: this.error });
  }
}
