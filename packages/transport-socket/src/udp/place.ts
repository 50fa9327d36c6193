import { isIPv6 } from 'node:net';
import type { Place } from '../tcp/place.js';

export {
  calledPlaceOf,
  connectFailure,
  listenFailure,
  meetingPlace,
  type Place,
  placeOf,
  unresolvable,
} from '../tcp/place.js';

export function urlOf({ host, port }: Place): string {
  return `udp://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Counts of what this thread has open, by address. */
class Places {
  readonly #counts = new Map<string, number>();

  /** Returns how to take it back. */
  add({ host, port }: Place): () => void {
    const key = `${host} ${port}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    };
  }

  /** At this address, or at one that stands for all of a machine's. */
  has({ host, port }: Place): boolean {
    return [host, '0.0.0.0', '::'].some((at) => this.#counts.has(`${at} ${port}`));
  }
}

/** Where this thread listens: a blocking client of it would wait for itself. */
export const listening = new Places();
/** Where links of this thread are, which may outlive their listener and do not stand in the way of the next one. */
export const linked = new Places();
