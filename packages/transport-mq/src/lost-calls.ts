import type { RpcError } from '@callgate/core/errors';
import type { KnownServer } from './servers.js';

/** How often, in ms, to look for servers that came and died while something is open. */
const LOOK_MS = 500;

export interface LostCallsHooks {
  readonly servers: () => readonly KnownServer[];
  /** Meets the servers that have come; gives how many have died so far. */
  readonly refresh: () => number;
  /** Puts a marker behind everything in the mailbox; false when there is no room. */
  readonly mark: (serial: number) => boolean;
  readonly ask: (server: KnownServer, serial: number) => boolean;
  /** `why`: what the server said that had taken it; undefined when it died. */
  readonly lost: (about: number, why: RpcError | undefined) => void;
}

interface Inquiry {
  readonly serial: number;
  /** Conversations that a dead server may have had. */
  readonly open: Set<number>;
  marked: boolean;
  /** Boxes of servers that have not answered yet; undefined until the marker has been taken. */
  waiting: Set<number> | undefined;
}

/**
 * Finds out which conversations died with a server. Nobody says who takes a message from a mailbox: that would cost one
 * more for each. So when a server dies, a marker is put behind everything that is in the mailbox. Once somebody has
 * taken that, all that came before has been taken, too, and the servers that live are asked for what they have: the
 * rest is lost.
 */
export class LostCalls {
  readonly #hooks: LostCallsHooks;
  /** By conversation, the box of the server that is known to have it; 0 while none is. */
  readonly #open = new Map<number, number>();
  #inquiry: Inquiry | undefined;
  #serial = 0;
  #deaths: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When to look next, for a thread that blocks. */
  #lookAt = 0;

  constructor(hooks: LostCallsHooks) {
    this.#hooks = hooks;
  }

  get any(): boolean {
    return this.#open.size > 0;
  }

  open(about: number): void {
    this.#open.set(about, 0);
    if (this.#timer !== undefined) return;
    this.#deaths ??= this.#hooks.refresh();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  close(about: number): void {
    this.#open.delete(about);
  }

  takerOf(about: number): number | undefined {
    return this.#open.get(about) || undefined;
  }

  takenBy(about: number, box: number): void {
    if (this.#open.has(about)) this.#open.set(about, box);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#open.clear();
  }

  /** Looks whether a server that this side never knew has died. */
  look(): void {
    const now = performance.now();
    if (this.#open.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS / 2;
    const deaths = this.#hooks.refresh();
    if (deaths !== this.#deaths) this.#inquire();
    else this.#goOn();
    this.#deaths = deaths;
  }

  died(box: number): void {
    for (const [about, taker] of this.#open) if (taker === box) this.#lose(about);
    if (this.#open.size > 0) this.#inquire();
  }

  /** Somebody took it who will not handle it. */
  refused(about: number, why: RpcError | undefined): void {
    if (this.#open.has(about)) this.#lose(about, why);
  }

  /** The marker has been taken. */
  passed(serial: number): void {
    const inquiry = this.#inquiry;
    if (inquiry?.serial !== serial || inquiry.waiting !== undefined) return;
    this.#hooks.refresh();
    inquiry.waiting = new Set(this.#hooks.servers().map(({ box }) => box));
    for (const server of this.#hooks.servers()) this.#hooks.ask(server, serial);
    this.#conclude();
  }

  holding(box: number, serial: number, held: ReadonlySet<number>): void {
    const inquiry = this.#inquiry;
    if (inquiry?.serial !== serial || inquiry.waiting === undefined) return;
    for (const about of held) if (inquiry.open.delete(about)) this.takenBy(about, box);
    inquiry.waiting.delete(box);
    this.#conclude();
  }

  #inquire(): void {
    const open = new Set([...this.#open].filter(([, taker]) => taker === 0).map(([about]) => about));
    if (open.size === 0) return;
    this.#serial = (this.#serial + 1) >>> 0;
    this.#inquiry = { serial: this.#serial, open, marked: false, waiting: undefined };
    this.#goOn();
  }

  #goOn(): void {
    const inquiry = this.#inquiry;
    if (inquiry === undefined || inquiry.marked) return;
    try {
      inquiry.marked = this.#hooks.mark(inquiry.serial);
    } catch {
      // The mailbox has gone, which the link will notice.
    }
    if (!inquiry.marked) this.#lookAt = 0;
  }

  #conclude(): void {
    const inquiry = this.#inquiry;
    if (inquiry?.waiting === undefined) return;
    const known = new Set(this.#hooks.servers().map(({ box }) => box));
    for (const box of inquiry.waiting) if (!known.has(box)) inquiry.waiting.delete(box);
    if (inquiry.waiting.size > 0) return;
    this.#inquiry = undefined;
    for (const about of inquiry.open) if (this.#open.get(about) === 0) this.#lose(about);
  }

  #lose(about: number, why?: RpcError): void {
    this.#open.delete(about);
    this.#hooks.lost(about, why);
  }
}
