import type { Deadline } from '@callgate/core/transport';

/** How long, in ms, a close may take when nobody says. */
export const CLOSE_MS = 2000;

export interface FarewellHooks {
  /** The link has ended. */
  readonly ended: () => boolean;
  /** Takes what has come, and drops it. */
  readonly drain: () => void;
  /** Sends what is committed; false when there is no room for all of it. Throws a system error. */
  readonly send: () => boolean;
  /** Says that nothing follows; false when there is no room to say so. Throws a system error. */
  readonly sayBye: () => boolean;
  readonly failed: (error: unknown) => void;
  /** All has been said (orderly), or the time is up. */
  readonly finish: (orderly: boolean) => void;
}

/** Closes a link in order: what is committed is sent, then that nothing follows. */
export class Farewell {
  readonly #hooks: FarewellHooks;
  deadline: Deadline = Number.POSITIVE_INFINITY;

  constructor(hooks: FarewellHooks) {
    this.#hooks = hooks;
  }

  get leftMs(): number {
    return Math.max(0, this.deadline - performance.now());
  }

  /** Tries to come to an end; true when the link has. */
  step(): boolean {
    const { ended, drain, send, sayBye, failed, finish } = this.#hooks;
    if (ended()) return true;
    // What the peer still sends is dropped: he may have to be rid of it before he reads.
    drain();
    if (ended()) return true;
    let sent = true;
    try {
      sent = send();
      if (sent && !ended()) sent = sayBye();
    } catch (error) {
      failed(error);
    }
    if (ended()) return true;
    if (!sent && this.leftMs > 0) return false;
    finish(sent);
    return true;
  }
}
