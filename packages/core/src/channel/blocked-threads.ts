/** Who blocks for whom: how a call that would wait for its own thread is found before it is sent. */
import { randomBytes } from 'node:crypto';
import { neighbourhood } from '../transport/neighbourhood.js';

/**
 * A thread that blocks until a call is answered, and serves nobody until then. What is made for that call says so, in
 * metadata of this key, one value for each such thread, the first caller's first.
 */
export interface BlockedThread {
  /** Of the thread, as its hellos say it. */
  readonly thread: string;
  readonly pid: number;
  /** What it waits for: `geo.Geo/LookUp`. */
  readonly path: string;
  /** What its places are told apart by: see `neighbourhood`. */
  readonly neighbourhood: string;
  /** The places at which it serves, and nobody else does, as far as it says. */
  readonly places: readonly string[];
}

export const BLOCKED_KEY = 'callgate-blocked';
/** Threads that are told of, and addresses of each. */
const MOST_THREADS = 32;
const MOST_PLACES = 8;

let identity: string | undefined;
const served = new Map<string, number>();

/** Names this thread to others, and tells them nothing else of it. */
export function threadIdentity(): string {
  identity ??= randomBytes(9).toString('base64url');
  return identity;
}

/** This thread alone serves at a place (see `meetingPlaceOf`). Returns what undoes it. */
export function noteServed(place: string): () => void {
  served.set(place, (served.get(place) ?? 0) + 1);
  return () => {
    const left = (served.get(place) ?? 1) - 1;
    if (left === 0) served.delete(place);
    else served.set(place, left);
  };
}

/** This thread, which is about to block for a call. */
export function thisThread(path: string): BlockedThread {
  const places = [...served.keys()].slice(0, MOST_PLACES);
  return { thread: threadIdentity(), pid: process.pid, path, neighbourhood: neighbourhood(), places };
}

/** The first one among those who block that is known as `thread`, or serves at one of `places`, if all of these are such. */
export function findBlocked(
  blocked: readonly BlockedThread[],
  places: readonly string[],
  thread: string | undefined,
): BlockedThread | undefined {
  const known = blocked.find((one) => one.thread === thread);
  if (known !== undefined || places.length === 0) return known;
  const neighbours = blocked.filter((one) => one.neighbourhood === neighbourhood());
  const blocking = places.map((place) => neighbours.find((one) => one.places.includes(place)));
  // Among several, one that nobody blocks may answer.
  return blocking.includes(undefined) ? undefined : blocking[0];
}

/** As values of metadata. */
export function encodeBlocked(blocked: readonly BlockedThread[]): readonly string[] {
  return blocked
    .slice(-MOST_THREADS)
    .map((one) => JSON.stringify([one.thread, one.pid, one.path, one.neighbourhood, one.places]));
}

/** Untrusted: what can't be understood is left out. */
export function decodeBlocked(values: readonly unknown[]): readonly BlockedThread[] {
  return values.slice(-MOST_THREADS).flatMap((value): BlockedThread[] => {
    try {
      const [thread, pid, path, near, places] = JSON.parse(String(value)) as unknown[];
      if (typeof thread !== 'string' || typeof path !== 'string' || typeof near !== 'string') return [];
      if (!Number.isInteger(pid) || !Array.isArray(places)) return [];
      const known = places.filter((place) => typeof place === 'string');
      return [{ thread, pid: pid as number, path, neighbourhood: near, places: known }];
    } catch {
      return [];
    }
  });
}
