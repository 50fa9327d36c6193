/** A channel that is called over from both ends. What each end makes of the other's calls is made elsewhere: */
import type { ServiceDefinition } from '../codec/contract.js';
import type { RpcError } from '../errors/index.js';
import type { Channel } from './channel.js';
import type { MethodEntry } from './hello.js';
import type { RequestSink } from './sinks.js';

/** A service that a client offers to its server: see `offer`. */
export interface Offer {
  readonly service: ServiceDefinition;
  readonly handlers: Readonly<Record<string, unknown>>;
}

/** The serving side of a client: what it offers, and what takes the server's calls of it. */
export interface Offering {
  readonly methods: readonly MethodEntry[];
  /** For each connection. */
  serve(channel: Channel): RequestSink;
}

/** The calling side of a server, for one channel: made when it is first asked for. */
export interface Callbacks {
  /** A stub of promises. Throws FAILED_PRECONDITION (UNSUPPORTED) where the channel can't carry its calls. */
  client(service: ServiceDefinition, options: object | undefined): unknown;
  /** Resolves when no call is in flight; undefined when none is. */
  readonly idle: Promise<void> | undefined;
  /** Ends what is in flight. */
  failAll(why: RpcError): void;
}

/** How servers come by their calling side: whoever composes the two knows both. */
export type MakeCallbacks = (channel: Channel) => Callbacks;
