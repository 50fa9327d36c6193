import type { Side } from './ends.js';

/**
 * Whether a link's client has been heard of. Its server forgets it after `idleMs` of silence; the client leaves before, after
 * a quarter to half of that, so that it does not speak on a link that is forgotten. No clock is read per message.
 */
export class Life {
  /** The client has spoken since the last look. */
  #heard = true;
  #silentLooks = 0;
  #spokeMs = performance.now();
  readonly #idleMs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(side: Side, idleMs: number, onSilence: () => void) {
    this.#idleMs = idleMs;
    const most = side === 'client' ? 1 : 2;
    const look = (): void => {
      if (this.#heard) this.#silentLooks = 0;
      else if (++this.#silentLooks >= most) onSilence();
      this.#heard = false;
    };
    this.#timer = setInterval(look, side === 'client' ? idleMs / 4 : idleMs / 2).unref();
  }

  heard(): void {
    this.#heard = true;
  }

  /** As `heard`, of a client on a thread that blocks, where no timer looks; false when its server could have forgotten it. */
  trySpeak(): boolean {
    const now = performance.now();
    if (now - this.#spokeMs >= this.#idleMs / 2) return false;
    this.#heard = true;
    this.#spokeMs = now;
    return true;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
