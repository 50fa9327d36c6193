import { fromErrno, type RpcError } from '@callgate/core/errors';
import { type AcceptSource, READABLE } from '@callgate/core/transport';
import type { Fd, NativeAddon, Watcher } from '@callgate/native';
import { PipeStream } from '../pipe-stream.js';
import { strange } from './failures.js';
import { KNOCK_BYTES, KnockReader, pairPaths } from './knock.js';
import { READ, unlinkPair, WRITE } from './visit.js';

export interface DoorOptions {
  readonly native: NativeAddon;
  /** The server's fifo, open to read and write; owned by the door. */
  readonly fifo: Fd;
  readonly path: string;
  readonly url: string;
  /** Called on the event loop while somebody knocks. */
  readonly onKnock: () => void;
  readonly onError: (error: RpcError) => void;
}

/** Of a client that knocks, the errors that mean that it has gone again. */
const left: ReadonlySet<unknown> = new Set(['ENXIO', 'ENOENT']);
const scarce: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** The server's fifo: who knocks is let in. */
export class Door implements AcceptSource<PipeStream> {
  readonly #options: DoorOptions;
  readonly #knocks: KnockReader;
  readonly #watcher: Watcher;
  /** Has knocked, and could not be let in for want of descriptors. */
  #waiting: string | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#watcher = options.native.createWatcher(options.fifo, options.onKnock);
    this.#knocks = new KnockReader((beginning) => options.onError(strange(options.path, options.url, beginning)));
  }

  accept(): PipeStream | null {
    for (;;) {
      const token = this.#waiting ?? this.#next();
      if (token === undefined) return null;
      this.#waiting = token;
      const stream = this.#letIn(token);
      this.#waiting = undefined;
      if (stream !== undefined) return stream;
    }
  }

  watch(on: boolean): void {
    this.#watcher.watch(on ? READABLE : 0);
    // The fifo does not tell of a knock that has been read.
    if (on && this.#waiting !== undefined) setImmediate(this.#options.onKnock);
  }

  ref(): void {
    this.#watcher.ref();
  }

  unref(): void {
    this.#watcher.unref();
  }

  close(): void {
    this.#options.fifo.close();
  }

  #next(): string | undefined {
    const { native, fifo } = this.#options;
    if (fifo.value === -1) return undefined;
    for (;;) {
      const got = native.read(fifo, this.#knocks.bytes, this.#knocks.start, KNOCK_BYTES);
      if (got <= 0) break;
      const token = this.#knocks.take(got);
      if (token !== undefined) return token;
    }
    this.#knocks.rest();
    return undefined;
  }

  /** Undefined when the client has gone, or cannot be let in. Throws a system error when that is for the moment only. */
  #letIn(token: string): PipeStream | undefined {
    const { native, path, url, onError } = this.#options;
    try {
      return letIn(native, path, url, token);
    } catch (error) {
      if (scarce.has((error as NodeJS.ErrnoException).code)) throw error;
      onError(fromErrno(error, `cannot let a client in at ${url}`));
      return undefined;
    }
  }
}

/**
 * Opens the fifos of a client, which lose their names. Undefined when the client has gone. Throws a system error; when
 * descriptors are scarce, the fifos keep their names, and it can be tried again.
 */
export function letIn(native: NativeAddon, path: string, url: string, token: string): PipeStream | undefined {
  const paths = pairPaths(path, token);
  let output: Fd | undefined;
  try {
    output = native.openFifo(paths.down, WRITE);
    const input = native.openFifo(paths.up, READ);
    unlinkPair(paths);
    return new PipeStream(native, { input, output, peer: { address: url } });
  } catch (error) {
    output?.close();
    const code = (error as NodeJS.ErrnoException).code;
    if (scarce.has(code)) throw error;
    unlinkPair(paths);
    if (left.has(code)) return undefined;
    throw error;
  }
}
