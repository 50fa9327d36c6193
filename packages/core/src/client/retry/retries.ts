import { Reason, type RpcError } from '../../errors/index.js';
import type { CallInFlight } from '../call-in-flight.js';
import { handlesGone } from '../handles-gone.js';
import { type ResolvedRetryPolicy, retryBackoffMs } from './policy.js';
import { Throttle } from './throttle.js';

/** Requests that never left this process are sent anew at once so often, and then with a pause. */
const AT_ONCE = 3;
const PAUSE_MS = 10;
/** Servers that leave, and refuse a call: after so many it is told. */
const MOST_REFUSALS = 10;
const LEAVING: ReadonlySet<string | undefined> = new Set([Reason.DRAINING, Reason.PEER_CLOSED, Reason.EPITAPH]);

/** Decides which failed calls of one client are made again. */
export class Retries {
  readonly #throttle: Throttle | undefined;
  readonly #random: () => number;

  /** `random` gives numbers from 0 to 1. */
  constructor(policy: ResolvedRetryPolicy | false | undefined, random: () => number = Math.random) {
    this.#throttle = policy ? new Throttle(policy.throttling) : undefined;
    this.#random = random;
  }

  succeeded(): void {
    this.#throttle?.succeeded();
  }

  /** Milliseconds until the call is to be made again; undefined when it has failed for good. */
  next(call: CallInFlight, error: RpcError): number | undefined {
    const { fate, retry } = call;
    if (retry === false || call.phases.immediate || !whole(call)) return undefined;
    const transparent = this.#transparent(call, error);
    const wait = transparent ?? (retry === undefined ? undefined : this.#byPolicy(call, error, retry));
    if (wait === undefined || (call.latest !== Number.POSITIVE_INFINITY && performance.now() + wait >= call.latest)) {
      return undefined;
    }
    // What was never there need not be counted.
    if (fate !== 'unsent') call.previousAttempts++;
    return wait;
  }

  /**
   * The callee has never had it, for which no policy is needed: sent anew always, but after a refusal once, or some
   * times if those who refused were leaving, as when all servers are restarted one after the other.
   */
  #transparent(call: CallInFlight, error: RpcError): number | undefined {
    if (error.code !== 'UNAVAILABLE') return undefined;
    if (call.fate === 'unsent' && call.channel !== undefined) return call.resent++ < AT_ONCE ? 0 : PAUSE_MS;
    if (call.fate !== 'refused') return undefined;
    if (call.refusal !== undefined && (!LEAVING.has(error.reason) || call.resent >= MOST_REFUSALS)) return undefined;
    call.refusal = error;
    return call.resent++ < AT_ONCE ? 0 : PAUSE_MS;
  }

  #byPolicy(call: CallInFlight, error: RpcError, policy: ResolvedRetryPolicy): number | undefined {
    const safe = call.stub.method.idempotent || call.fate !== 'unknown';
    const refused = call.fate === 'refused' && error.reason === Reason.OVERLOADED;
    if (!refused && !policy.retryableStatusCodes.has(error.code)) return undefined;
    this.#throttle?.failed();
    if (!safe || this.#throttle?.permits === false) return undefined;
    if (++call.tried >= policy.maxAttempts) return undefined;
    // The callee knows better.
    if (error.retryAfterMs !== undefined) return error.retryAfterMs;
    return retryBackoffMs(policy, call.tried, this.#random);
  }
}

/**
 * All that the request needs is still here, which handles and streams that were sent are not, and the caller knows nothing
 * of a reply.
 */
function whole(call: CallInFlight): boolean {
  const { stub, meta, fate, itemsCame } = call;
  if (meta?.told || itemsCame || handlesGone(call)) return false;
  const { kind } = stub.method;
  return kind === 'unary' || kind === 'server-streaming' || fate === 'unsent';
}
