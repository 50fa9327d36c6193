import type { PeerDeathListener } from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import type { Address, Transport, TransportOptions } from '../transport/contract.js';
import type { DrainOptions } from './drain.js';
import type { Handlers } from './handlers.js';
import type { ServerPool } from './pool/front.js';
import type { ServiceClass, ServiceModule } from './services.js';
import type { ServerStats } from './stats/server-stats.js';

/** Where a server listens. */
export interface ListenTarget {
  readonly address: Address;
  readonly transport: Transport;
  readonly transportOptions: TransportOptions;
  /** What holds there when the server's own option leaves it open. */
  readonly trusted?: boolean | undefined;
}

/** Finds where to listen: at the URL, or (undefined) wherever configuration says for the services. */
export type ListenResolver = (
  url: string | undefined,
  transportOptions: TransportOptions | undefined,
  services: readonly ServiceDefinition[],
) => readonly ListenTarget[];

export interface CloseOptions {
  /** Milliseconds for what runs to be finished. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Why the server closes, in words for its callers. @default none */
  readonly epitaph?: string | undefined;
}

export interface Server {
  /**
   * Offers a service from now on; links that exist already do not see it. Throws ALREADY_EXISTS for one offered already,
   * and for two methods whose ids are equal where no greeting is exchanged.
   */
  add<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): Server;
  /**
   * The same, of a class that has the handlers, or of a module that exports them. A server with a pool takes modules only,
   * and before it listens; what is wrong with one is told by `listen`. Throws FAILED_PRECONDITION (BAD_SERVICE) for a class
   * that can't be made.
   */
  add<S extends ServiceDefinition>(service: S, implementation: Handlers<S> | ServiceClass<S> | ServiceModule): Server;
  /**
   * Listens, at a URL or (without one) where configuration says. May be called again for more. Resolves to the URLs.
   * With `direction: 'receive'` (and where the transport can't but) only one-way methods can be called there.
   */
  listen(url?: string, transportOptions?: TransportOptions): Promise<readonly string[]>;
  /**
   * Takes no more links and calls, finishes what runs for at most `timeoutMs` (default 5000), then stops the rest
   * (their callers get UNAVAILABLE) and closes every link. Idempotent.
   *
   * `epitaph` says why, in words for the callers: those whose calls it stops, and those whose calls it never takes, see
   * it in their error's message (reason EPITAPH), the others in `$channel.closed`. Rejects with INVALID_ARGUMENT (BAD_OPTION).
   */
  close(options?: CloseOptions): Promise<void>;
  /**
   * Leaves without failing a call: gives up its names, so that a successor may listen there, and tells the clients, who
   * make their next calls elsewhere (at the next address, or at the same one, where the successor is); finishes what was
   * taken, and what was sent to it before its client knew; closes each link when nothing of it is left, and ends when none
   * is, or at the deadline, as `close` does. Idempotent; `close` cuts it short. Throws INVALID_ARGUMENT (BAD_OPTION).
   *
   * Clients that can't be told, since there was no greeting (`mq:`, `udp:`), have their calls refused, and make them again.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Has the first of the signals drain this server; a second one stops it at once, and ends the process as the signal does
   * by default. When the server has drained, the process ends if nothing else keeps it alive. Returns what undoes it.
   * `signals`: @default ['SIGTERM']
   */
  drainOnSignals(signals?: readonly NodeJS.Signals[], options?: DrainOptions): () => void;
  /**
   * Calls `listener` once for each client that dies: its process or thread ends, or it vanishes, without an orderly close.
   * Its handlers have been told to stop by then. Returns what takes the listener off again.
   */
  onPeerDeath(listener: PeerDeathListener): () => void;
  /**
   * Lets notifications wait in the kernel from now on, until `release`: no handler of theirs is started. Where real-time
   * signals wait in order, each with its value, equal regular signals become one. Throws FAILED_PRECONDITION
   * (UNSUPPORTED) when none of the transports listened with can (`signal:` can). Idempotent.
   */
  hold(): void;
  /** Undoes `hold`: what has come in the meantime is handled now. */
  release(): void;
  /**
   * What it does at this moment, and what it has done: links, calls that run and wait, workers, and counts by method;
   * with `histograms`, how long calls took, too. Plain data, made anew each time.
   */
  stats(): ServerStats;
  /** The workers that run its handlers. Throws FAILED_PRECONDITION (UNSUPPORTED) where handlers run in the server's own thread. */
  readonly pool: ServerPool;
  [Symbol.asyncDispose](): Promise<void>;
}
