/** How a front and its workers come together; what of it is the business of other rooms is given to the pool. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Aside } from '../../channel/index.js';
import type { Link } from '../../transport/contract.js';

/** A service as workers are to load it. */
export interface ServicePart {
  readonly typeName: string;
  /** URL of the module. */
  readonly module: string;
  /** What of the module implements the service. @default its default export */
  readonly export?: string | undefined;
  /** Name of the codec in which it is spoken. @default that of its definition */
  readonly codec?: string | undefined;
}

/** What a pool needs of whoever composes it. */
export interface PoolMeans {
  /** The module that a worker runs; it is given `PoolWorkerData`. */
  readonly program: URL;
  readonly processors: number;
  /** The memory of a link between two threads, and one end of it: the front's has made it. */
  makeMemory(): SharedArrayBuffer;
  openFront(memory: SharedArrayBuffer): Link;
  /** What the program needs beyond the pool's own: cloned on its way. */
  readonly composition: unknown;
}

/** What a worker must keep to, as the server does. */
export interface PoolLimits {
  readonly maxMetadataBytes: number;
  readonly streamWindowBytes: number;
  readonly streamWindowMessages: number;
}

export interface PoolWorkerData {
  /** From 1 on; no two workers that live at a time have the same. */
  readonly number: number;
  readonly memory: SharedArrayBuffer;
  readonly aside: MessagePort;
  readonly services: readonly ServicePart[];
  readonly setup: string | undefined;
  readonly limits: PoolLimits;
  /** Where it counts the calls of each method, for the front to read. */
  readonly counts: SharedArrayBuffer;
  readonly composition: unknown;
}

/** What a worker tells beside the link. */
export type WorkerNotice =
  /** It can take calls. `hello`: as it would greet a client, which tells whether its methods are the front's. */
  | { readonly kind: 'ready'; readonly hello: string }
  /** It can't begin. */
  | { readonly kind: 'failed'; readonly error: ErrorParts }
  /** For the server's `onError`. */
  | { readonly kind: 'error'; readonly error: ErrorParts };

/** An RpcError as it passes between threads. */
export interface ErrorParts {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly failed: 'call' | 'channel';
  /** An Error, or text. */
  readonly cause: unknown;
}

/** Call ids of the calls that a worker's handlers make: each worker has its own, so that answers find their way. */
export const IDS_PER_WORKER = 2 ** 20;
/** Numbers of workers go from 1 to this, so that ids stay within 30 bits. */
export const LAST_WORKER = 1023;

export function workerOfCall(callId: number): number {
  return Math.floor(callId / IDS_PER_WORKER);
}

export function asideOver(port: MessagePort): Aside {
  return {
    post: (memory) => port.postMessage(memory, [memory]),
    take: () => {
      const taken = receiveMessageOnPort(port)?.message as ArrayBuffer | undefined;
      if (taken === undefined) throw new Error('a message was announced that did not come');
      return taken;
    },
  };
}
