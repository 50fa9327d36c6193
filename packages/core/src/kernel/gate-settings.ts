import type { Offer, Timeout } from '../channel/index.js';
import type { Balance, ClientDirection, ClientOptions, RetryPolicy } from '../client/index.js';
import type { OfferingOptions, ServerOptions } from '../server/index.js';
import type { TransportOptions } from '../transport/contract.js';

/** Options of a client, the connecting side's settings among them. What they leave open comes from the configuration. */
export interface ClientSettings<D extends ClientDirection = ClientDirection> extends ClientOptions<D> {
  /**
   * `send` opens a channel that only sends: the stub then has the one-way methods only. @default as configured, else
   * 'duplex', or 'send' where the transport can do no more
   */
  readonly direction?: D | undefined;
  /** Timeout of calls whose options and IDL state none. @default as configured, else 'never' */
  readonly timeout?: Timeout | undefined;
  /** Whether calls whose options and IDL don't say are urgent. @default as configured, else false */
  readonly urgent?: boolean | undefined;
  /** Whether calls whose options and IDL don't say wait for a connection: see `CallOptions`. @default as configured, else false */
  readonly waitForReady?: boolean | undefined;
  /** Whether bytes that the server sends by reference are received in place: see `ClientOptions`. @default as configured, else false */
  readonly trusted?: boolean | undefined;
  /** To which of several URLs a call goes. @default as configured, else 'pick-first' */
  readonly balance?: Balance | undefined;
  /** When calls that fail are made again. @default as configured, else only those that no handler has had */
  readonly retry?: RetryPolicy | false | undefined;
  /** Options of the URL's transport. @default as configured */
  readonly transport?: TransportOptions | undefined;
  /** Name of a codec plug-in; the server must use the same. @default as configured, else that of the definition */
  readonly codec?: string | undefined;
  /**
   * What the server may call over this client's connection, each made by `offer`: callbacks. Needs a duplex channel
   * whose sides greet each other. @default nothing
   */
  readonly offers?: readonly Offer[] | undefined;
  /** Limits and listeners for the server's calls of what is offered. */
  readonly serving?: OfferingOptions | undefined;
}

/** Those of a client whose calls block can't offer anything: its thread would not be there to be called. */
export type SyncClientSettings<D extends ClientDirection = ClientDirection> = Omit<
  ClientSettings<D>,
  'offers' | 'serving' | 'keepAlive'
>;

export interface ServerSettings extends ServerOptions {
  /** Name of a codec plug-in for all services. @default as configured, else that of each definition */
  readonly codec?: string | undefined;
}
