import { describePeer, type LinkEnd, type Peer } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import type { AnnouncedSignal } from './announcement.js';
import { died, sendFailure, stopped } from './ends.js';
import type { RealTimeRange } from './numbers.js';
import { maskHas, statusOf } from './processes.js';

const READABLE = 1;
/** Milliseconds after which a blocked thread looks whether the receiver still receives: only its death wakes it. */
const LOOK_MS = 100;

export interface SendLinkParts {
  readonly addon: NativeAddon;
  /** The receiving process, as pidfd_open(2) names it. */
  readonly process: Fd;
  /** Its announcement, whose lock it holds while it receives. */
  readonly guard: Fd;
  readonly pid: number;
  readonly peer: Peer;
  readonly signals: readonly AnnouncedSignal[];
  readonly range: RealTimeRange;
}

/** What a sending end and the kernel have with each other: signals sent, one that found no room, and which were taken. */
export class Outgoing {
  readonly #parts: SendLinkParts;
  readonly #onEnd: (end: LinkEnd) => void;
  #held: { readonly signal: number; readonly value: number | undefined } | undefined;
  /** Signals sent that the receiver may not have taken. */
  readonly #sent = new Set<number>();

  /** `onEnd` hears that there is nobody to send to any more, perhaps more than once. */
  constructor(parts: SendLinkParts, onEnd: (end: LinkEnd) => void) {
    this.#parts = parts;
    this.#onEnd = onEnd;
  }

  /** Whether there is a signal for which there was no room yet. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Sends, or holds it where there is no room: false. Throws the link's end when there is nobody to send to. */
  send(signal: number, value: number | undefined): boolean {
    if (this.#send(signal, value)) return true;
    this.#held = { signal, value };
    return false;
  }

  /** True when nothing is held any more. Throws as `send`. */
  sendHeld(): boolean {
    if (this.#held === undefined) return true;
    if (!this.#send(this.#held.signal, this.#held.value)) return false;
    this.#held = undefined;
    return true;
  }

  #send(signal: number, value: number | undefined): boolean {
    const { addon, process, guard, peer } = this.#parts;
    try {
      if (!addon.sendSignal(process, guard, signal, value)) return false;
    } catch (cause) {
      const end = sendFailure(describePeer(peer), cause);
      this.#onEnd(end);
      throw end.error;
    }
    this.#sent.add(signal);
    return true;
  }

  /** Whether none of what was sent waits at the receiver any more; what others sent by the same signals counts, too. */
  taken(): boolean {
    if (this.#sent.size === 0) return true;
    const { addon, process, pid } = this.#parts;
    const status = statusOf(pid);
    // Whoever has this pid is the receiver as long as that has not ended.
    if (status === undefined || addon.poll([process], [READABLE], 0) !== 0) {
      this.died();
      return false;
    }
    for (const signal of this.#sent) if (!maskHas(status.pending, signal)) this.#sent.delete(signal);
    // A receiver that has stopped receiving has dropped them.
    return this.#sent.size === 0 && this.receives();
  }

  /** Whether the receiver still receives. */
  receives(): boolean {
    const { addon, guard, peer } = this.#parts;
    if (addon.isGuardHeld(guard)) return true;
    this.#onEnd(stopped(describePeer(peer)));
    return false;
  }

  /** Blocks for as long as it pays to look away, `pauseMs` at most where something is under way; the receiver's death ends it. */
  pause(pauseMs: number, mostMs: number): void {
    const { addon, process } = this.#parts;
    const wait = Math.min(mostMs, this.holds || this.#sent.size > 0 ? pauseMs : LOOK_MS);
    if (addon.poll([process], [READABLE], wait) !== 0) this.died();
  }

  died(): void {
    this.#onEnd(died(describePeer(this.#parts.peer)));
  }

  close(): void {
    this.#held = undefined;
    this.#parts.process.close();
    this.#parts.guard.close();
  }
}
