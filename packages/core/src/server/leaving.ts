import type { Callbacks, Channel } from '../channel/index.js';
import type { RpcError } from '../errors/index.js';

/** What is to be known of a link's calls before the link may be closed. */
export interface BusyCalls {
  /** Those that run, wait, or may come since a probe has reserved a handler for them. */
  readonly busy: number;
}

/** One link of a server that leaves. */
export interface LeavingLink {
  readonly channel?: Channel;
  readonly calls?: BusyCalls;
  readonly callbacks?: Callbacks;
  /** New calls are refused, so that their callers make them elsewhere. */
  refusing: boolean;
  /** When its client was sent away: an instant of performance.now(). */
  sentAway?: number;
}

/**
 * Milliseconds for which a link stays open that has no calls, though its client may not know yet that it is to go: one that
 * calls again and again reads it with its next reply; one whose thread is busy elsewhere finds the link closed when it calls.
 */
const QUIET_MS = 100;
/** Milliseconds for a link that was opened just before to greet. Nobody has called over it yet. */
const GREETING_MS = 1000;

/**
 * Tells a client to make its next call elsewhere. Until it says that none follows, what comes is taken: it was sent before
 * the client could know. One that can't be told has its calls refused instead; where nothing can be refused either, since
 * nothing can be answered, all is taken.
 */
export function sendAway(entry: LeavingLink, why: RpcError, now: number): void {
  const { channel } = entry;
  entry.sentAway = now;
  if (channel === undefined) return;
  if (channel.remote?.hears !== undefined) channel.sendGoAway(why);
  else entry.refusing = channel.link.direction === 'duplex';
}

/** Whether nothing of a link is under way, and nothing can come that would be lost with it. */
export function mayClose(entry: LeavingLink, now: number): boolean {
  const { channel, calls, callbacks, sentAway = now } = entry;
  if (channel === undefined || calls === undefined) return now - sentAway > GREETING_MS;
  if (channel.callerLeft) entry.refusing = true;
  if (calls.busy > 0 || callbacks?.idle !== undefined || channel.outbox.length > 0) return false;
  const hears = channel.remote?.hears;
  if (channel.callerLeft || (entry.refusing && hears === undefined)) return true;
  // Who hears it always says so. What he sent before would be lost if it were one-way, and is waited for.
  return hears !== 'always' && now - sentAway > QUIET_MS;
}
