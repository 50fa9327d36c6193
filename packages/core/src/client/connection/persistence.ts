import { runForNobody } from '../../channel/index.js';
import type { Attempts } from './attempts.js';
import type { OpenChannel } from './open-channel.js';
import { passes } from './passes.js';
import { Pause } from './pause.js';
import type { Waiting } from './way.js';

/** Connects for calls that wait for however many attempts it takes; all share them. */
export class Persistence {
  readonly #attempts: Attempts;
  readonly #open: () => Promise<OpenChannel>;
  readonly #pause = new Pause();
  readonly #waiting = new Set<Waiting>();
  #trying: Promise<OpenChannel> | undefined;
  #ended = false;

  /** `open` makes an attempt. */
  constructor(attempts: Attempts, open: () => Promise<OpenChannel>) {
    this.#attempts = attempts;
    this.#open = open;
  }

  openFor(waiting: Waiting): Promise<OpenChannel> {
    waiting.hindrance = this.#attempts.failure;
    this.#waiting.add(waiting);
    this.#trying ??= runForNobody(() => this.#keepTrying());
    return this.#trying;
  }

  /** Whether a wait for the next attempt keeps the event loop alive. */
  keepAlive(alive: boolean): void {
    this.#pause.keepAlive(alive);
  }

  /** What fails now has failed for good. */
  end(): void {
    this.#ended = true;
    this.#pause.end();
  }

  async #keepTrying(): Promise<OpenChannel> {
    try {
      for (;;) {
        while (!this.#ended && performance.now() < this.#attempts.retryAt) {
          await this.#pause.until(this.#attempts.retryAt);
        }
        try {
          return await this.#open();
        } catch (error) {
          for (const waiting of this.#waiting) {
            if (waiting.settled) this.#waiting.delete(waiting);
            else if (passes(error)) waiting.hindrance = error;
          }
          if (this.#waiting.size === 0 || this.#ended || !passes(error)) throw error;
        }
      }
    } finally {
      // At once, so that nobody joins a wait that is over.
      this.#trying = undefined;
      this.#waiting.clear();
    }
  }
}
