import { Reason } from '../errors/index.js';
import type { LinkEnd, Peer } from '../transport/contract.js';
import { functionOf } from './option-checks.js';

/** How a connection ended: who (`by`, `peer`), why (`error`), when (`at`). */
export interface ChannelEnd extends LinkEnd {
  /** Who was at the other end; undefined where there never was a connection. */
  readonly peer: Peer | undefined;
  /** When this side knew. */
  readonly at: Date;
}

/** Hears of a peer that died: its process or thread ended, or it vanished, without an orderly close. */
export type PeerDeathListener = (end: ChannelEnd) => void;

/** The life of a connection, and its end. */
export interface ChannelLife {
  /** Settles once, never rejects: how the connection ended, whoever ended it. */
  readonly closed: Promise<ChannelEnd>;
  /**
   * Calls `listener` once when the peer dies, after the replies that did arrive were delivered and the other calls have
   * failed. Not for orderly closes, nor for a peer that said why it goes. Returns what takes the listener off again.
   */
  onPeerDeath(listener: PeerDeathListener): () => void;
}

/** Tells those who want to know of the ends of connections: of one, or of one after the other. */
export class Life implements ChannelLife {
  #end: ChannelEnd | undefined;
  #closed: Promise<ChannelEnd> | undefined;
  #settle: ((end: ChannelEnd) => void) | undefined;
  readonly #listeners = new Set<{ readonly listener: PeerDeathListener }>();

  get closed(): Promise<ChannelEnd> {
    if (this.#closed === undefined) {
      this.#closed = new Promise((resolve) => {
        this.#settle = resolve;
      });
      if (this.#end !== undefined) this.#settle?.(this.#end);
    }
    return this.#closed;
  }

  onPeerDeath(listener: PeerDeathListener): () => void {
    // One entry for each time: the same function may be wanted by two who don't know of each other.
    const entry = { listener: functionOf('onPeerDeath', listener) };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** There is a new connection, whose end has not been told. */
  renew(): void {
    if (this.#end === undefined) return;
    this.#end = undefined;
    this.#closed = undefined;
  }

  /** Once per connection. Those who listen hear it when what was settled before has been heard. */
  end(end: LinkEnd, peer: Peer | undefined): void {
    if (this.#end !== undefined) return;
    const told: ChannelEnd = Object.freeze({ ...end, peer, at: new Date() });
    this.#end = told;
    const settle = this.#settle;
    this.#settle = undefined;
    const died = isDeath(end) ? [...this.#listeners] : [];
    if (settle === undefined && died.length === 0) return;
    // Replies settle promises, whose owners may have several of their own in a row: all of them run before this.
    setImmediate(() => settle?.(told));
    for (const entry of died) {
      // One each: what one throws is the process's to hear of, and no reason for others not to hear theirs.
      setImmediate(() => {
        if (this.#listeners.has(entry)) entry.listener(told);
      });
    }
  }
}

function isDeath({ by, orderly, error }: LinkEnd): boolean {
  return by === 'peer' && !orderly && error.reason === Reason.PEER_DIED;
}
