import type { KnownServer } from './servers.js';

export interface TakenHooks {
  readonly servers: () => readonly KnownServer[];
  /** Meets the servers that have come. */
  readonly refresh: () => void;
  /** Puts the question into the mailbox, behind all that was sent; false when there is no room. */
  readonly ask: (serial: number) => boolean;
  /** Asks one server in its box. */
  readonly askAlso: (server: KnownServer, serial: number) => boolean;
}

/**
 * Whether all that was sent into a mailbox has been taken, and released, by whichever servers took it. The question
 * follows it through the mailbox, so that all of it has been taken when the question is. Who takes that answers once
 * he has released what he has of this sender, and then the others are asked for the same.
 */
export class Taken {
  readonly #hooks: TakenHooks;
  #serial = 0;
  /** Something was sent, and is not known to be taken. */
  #open = false;
  #asked = false;
  /** Who else is to be asked, by box; undefined until the first has answered. */
  #unasked: Set<number> | undefined;
  #unanswered = new Set<number>();

  constructor(hooks: TakenHooks) {
    this.#hooks = hooks;
  }

  /** Something else has been sent: what was asked before does not tell of it. */
  sent(): void {
    if (this.#open && !this.#asked) return;
    this.#open = true;
    this.#asked = false;
    this.#unasked = undefined;
    this.#serial = (this.#serial + 1) >>> 0;
  }

  /** True when all has been taken. */
  get all(): boolean {
    return !this.#open;
  }

  /** Asks what is to be asked; false when somebody has no room for a question. */
  ask(): boolean {
    if (!this.#open) return true;
    if (!this.#asked) {
      this.#asked = this.#hooks.ask(this.#serial);
      return this.#asked;
    }
    for (const box of this.#unasked ?? []) {
      const server = this.#hooks.servers().find((one) => one.box === box);
      if (server !== undefined && !this.#hooks.askAlso(server, this.#serial)) return false;
      this.#unasked?.delete(box);
      if (server === undefined) this.#unanswered.delete(box);
    }
    this.#conclude();
    return true;
  }

  answered(box: number, serial: number): void {
    if (serial !== this.#serial || !this.#open) return;
    if (this.#unasked === undefined) {
      this.#hooks.refresh();
      this.#unasked = new Set(this.#hooks.servers().map((one) => one.box));
      this.#unasked.delete(box);
      this.#unanswered = new Set(this.#unasked);
    } else {
      this.#unanswered.delete(box);
    }
    this.ask();
  }

  /** Who has gone has nothing any more. */
  gone(box: number): void {
    this.#unasked?.delete(box);
    this.#unanswered.delete(box);
    this.#conclude();
  }

  #conclude(): void {
    if (this.#unasked !== undefined && this.#unasked.size === 0 && this.#unanswered.size === 0) this.#open = false;
  }
}
