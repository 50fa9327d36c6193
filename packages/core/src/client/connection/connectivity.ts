import { functionOf } from '../../channel/index.js';

/**
 * How a client stands to its server. `idle`: no connection, and nobody has asked for one since it was lost.
 * `connecting`: one is being made. `ready`: there is one. `transient-failure`: the last attempt failed, and the next
 * waits for its time. `closed`: by this side, for good.
 */
export type ConnectivityState = 'idle' | 'connecting' | 'ready' | 'transient-failure' | 'closed';

export type StateListener = (state: ConnectivityState) => void;

/** A state, and who hears of its changes. */
export class Connectivity {
  readonly #listeners = new Set<StateListener>();
  #state: ConnectivityState = 'idle';

  get state(): ConnectivityState {
    return this.#state;
  }

  /** Tells everybody at once, in the order in which they came. Closed is the last word. */
  become(state: ConnectivityState): void {
    if (state === this.#state || this.#state === 'closed') return;
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      // A state that has changed meanwhile has been told already.
      if (this.#state === state && this.#listeners.has(listener)) tell(listener, state);
    }
  }

  /** Returns what ends it. */
  listen(listener: StateListener): () => void {
    // One that is given twice is told twice, and each is ended by itself.
    const heard = functionOf('onState', listener);
    const own: StateListener = (state) => heard(state);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }
}

/** What a listener throws is its program's business, and must not stop the connection. */
function tell(listener: StateListener, state: ConnectivityState): void {
  try {
    listener(state);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
