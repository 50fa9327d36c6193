/** Connections accepted in one turn of the event loop. */
const ACCEPTED_AT_ONCE = 64;
/** How long, in ms, to rest when nothing can be accepted for want of descriptors or memory. Clients wait meanwhile. */
const REST_MS = 100;

/** A listening socket, as far as accepting goes. */
export interface AcceptSource<T> {
  /** One connection, or null when none waits. Throws a system error. */
  accept(): T | null;
  /** Whether to call `onAcceptable` (given to who made this) while connections wait. */
  watch(on: boolean): void;
  ref(): void;
  unref(): void;
  close(): void;
}

export interface AcceptorHooks<T> {
  /** Others accept from the same source: who still waits when this acceptor closes is theirs. @default false */
  readonly shared?: boolean;
  admit(connection: T): void;
  /** For those that still wait when the acceptor closes; owns them, whatever comes of it. May throw: the rest is cut off then. */
  turnAway(connection: T): void;
  /** Hears of a system error, once per spell of trouble. */
  onTrouble(cause: unknown): void;
}

/** Accepts connections on the event loop, a bounded number per turn. Owns its source. */
export class Acceptor<T> {
  readonly #source: AcceptSource<T>;
  readonly #hooks: AcceptorHooks<T>;
  #alive = true;
  #closed = false;
  #resting: NodeJS.Timeout | undefined;
  /** The trouble was reported and is not over. */
  #troubled = false;

  /** `makeSource` gets what to call when connections wait. */
  constructor(makeSource: (onAcceptable: () => void) => AcceptSource<T>, hooks: AcceptorHooks<T>) {
    this.#hooks = hooks;
    this.#source = makeSource(() => this.#acceptSome());
    this.#source.watch(true);
  }

  keepAlive(alive: boolean): void {
    this.#alive = alive;
    if (alive) this.#source.ref();
    else this.#source.unref();
    if (alive) this.#resting?.ref();
    else this.#resting?.unref();
  }

  close(): void {
    this.#end((waiting) => this.#hooks.turnAway(waiting));
  }

  /** As `close`, but those who wait are admitted. */
  leave(): void {
    this.#end((waiting) => this.#hooks.admit(waiting));
  }

  #end(receive: (waiting: T) => void): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#resting);
    if (this.#hooks.shared !== true) this.#receiveRest(receive);
    this.#source.close();
  }

  #receiveRest(receive: (waiting: T) => void): void {
    try {
      for (let waiting = this.#source.accept(); waiting !== null; waiting = this.#source.accept()) receive(waiting);
    } catch {
      // Those who still wait are cut off when the socket closes.
    }
  }

  #acceptSome(): void {
    for (let left = ACCEPTED_AT_ONCE; left > 0 && !this.#closed; left--) {
      let connection: T | null;
      try {
        connection = this.#source.accept();
      } catch (error) {
        this.#rest(error);
        return;
      }
      if (connection === null) return;
      this.#troubled = false;
      this.#hooks.admit(connection);
    }
  }

  /** Watching on would call again at once, for nothing, as long as the trouble lasts. */
  #rest(cause: unknown): void {
    this.#source.watch(false);
    this.#resting = setTimeout(() => this.#source.watch(true), REST_MS);
    if (!this.#alive) this.#resting.unref();
    if (this.#troubled) return;
    this.#troubled = true;
    this.#hooks.onTrouble(cause);
  }
}
