/** Who blocks for whom: how a call that would wait for its own thread is found before it is sent. */
import { randomBytes } from 'node:crypto';

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
  /** The places at which it serves, as far as it says. */
  readonly urls: readonly string[];
}

export const BLOCKED_KEY = 'callgate-blocked';
/** Threads that are told of, and addresses of each. */
const MOST_THREADS = 32;
const MOST_URLS = 8;

let identity: string | undefined;
const served = new Map<string, number>();

/** Names this thread to others, and tells them nothing else of it. */
export function threadIdentity(): string {
  identity ??= randomBytes(9).toString('base64url');
  return identity;
}

/** This thread serves at a place (see `meetingPlaceOf`). Returns what undoes it. */
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
  return { thread: threadIdentity(), pid: process.pid, path, urls: [...served.keys()].slice(0, MOST_URLS) };
}

/** The first one among those who block that is known as `thread`, or serves at one of `places`, if all of these are such. */
export function findBlocked(
  blocked: readonly BlockedThread[],
  places: readonly string[],
  thread: string | undefined,
): BlockedThread | undefined {
  const known = blocked.find((one) => one.thread === thread);
  if (known !== undefined || places.length === 0) return known;
  const blocking = places.map((place) => blocked.find(({ urls }) => urls.includes(place)));
  // Among several, one that nobody blocks may answer.
  return blocking.includes(undefined) ? undefined : blocking[0];
}

/** As values of metadata. */
export function encodeBlocked(blocked: readonly BlockedThread[]): readonly string[] {
  return blocked.slice(-MOST_THREADS).map(({ thread, pid, path, urls }) => JSON.stringify([thread, pid, path, urls]));
}

/** Untrusted: what can't be understood is left out. */
export function decodeBlocked(values: readonly unknown[]): readonly BlockedThread[] {
  return values.slice(-MOST_THREADS).flatMap((value): BlockedThread[] => {
    try {
      const [thread, pid, path, urls] = JSON.parse(String(value)) as unknown[];
      if (typeof thread !== 'string' || typeof path !== 'string' || !Number.isInteger(pid) || !Array.isArray(urls))
        return [];
      return [{ thread, pid: pid as number, path, urls: urls.filter((url) => typeof url === 'string') }];
    } catch {
      return [];
    }
  });
}
