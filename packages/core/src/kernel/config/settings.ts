import type { TimeoutPolicy } from '../../channel/timeout.js';
import type { Balance, ClientDirection, RetryPolicy } from '../../client/index.js';
import type { Origin } from './problem.js';

/** `never`, `immediate`, milliseconds, or a duration such as `250ms`, `5s`, `2m`. */
export type PolicyText = TimeoutPolicy | (string & {});

/** The settings of one service, as a person writes them. */
export interface ServiceSettings {
  /** Where the service is: `shm:geo`, `unix:/run/geo.sock`; several, where several servers offer it. */
  readonly url?: string | readonly string[];
  /** To which of several URLs a call goes. @default 'pick-first' */
  readonly balance?: Balance;
  /** When calls that fail are made again; `false` for never. @default only those that no handler has had */
  readonly retry?: RetryPolicy | false;
  /** Which way its channels go, as clients see it; its servers listen for the opposite. @default 'duplex', or 'send' where the transport can do no more */
  readonly direction?: ClientDirection;
  /** @default what the method states, else never */
  readonly timeout?: PolicyText | { readonly send?: PolicyText; readonly reply?: PolicyText };
  /** Whether calls overtake others, where the mechanism can let them. @default what the method states, else false */
  readonly urgent?: boolean;
  /** Whether calls wait for a connection where there is none, until their deadline. @default what the method states, else false */
  readonly waitForReady?: boolean;
  /**
   * Whether either side trusts the other not to change what it has sent: bytes that come by reference are received in
   * place, as loans. @default false
   */
  readonly trusted?: boolean;
  /** Options of the URL's transport. */
  readonly transport?: { readonly [option: string]: unknown } | null;
  /** Name of a codec plug-in. @default the codec that the service definition brings along */
  readonly codec?: string;
  /** Around its calls, the first one outermost; within those that are plugged in, around those that code gives. @default none */
  readonly interceptors?: readonly InterceptorSetting[];
}

/** An interceptor's name, or a map of its name to its options: `retry`, `{ deadline: { default: 5s } }`, `./mine.js`. */
export type InterceptorSetting = string | { readonly [name: string]: { readonly [option: string]: unknown } | null };

/** A configuration as an object; the same shape as in a file. */
export interface ConfigInput {
  /** By full name: `geo.Geo`. */
  readonly services?: { readonly [service: string]: ServiceSettings | null } | null;
  /** What holds for every service that does not say otherwise. */
  readonly defaults?: ServiceSettings | null;
}

/** One place where settings stand, and how to tell a person where that is. */
export interface Layer {
  readonly settings: ServiceSettings;
  /** From the root of the configuration: `['services', 'geo.Geo']`; empty for code. */
  readonly path: readonly string[];
  /** Its maps are laid over those below, key by key, instead of replacing them. */
  readonly overlays: boolean;
  originOf(path: readonly string[]): Origin;
}
