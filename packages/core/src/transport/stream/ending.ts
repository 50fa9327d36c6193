import type { RpcError } from '../../errors/index.js';
import type { LinkEnd } from '../contract.js';

/** How one link ends, once. */
export class Ending {
  /** Settles with `end`. */
  readonly closed: Promise<LinkEnd>;
  end: LinkEnd | undefined;
  /** The error of an orderly close by this side, from its beginning on. */
  closing: RpcError | undefined;
  #settle!: (end: LinkEnd) => void;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Nothing more is received. */
  get over(): boolean {
    return this.end !== undefined || this.closing !== undefined;
  }

  /** The first end counts. */
  settle(end: LinkEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#settle(end);
  }
}
