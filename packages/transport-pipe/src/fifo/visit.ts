import { lstatSync, unlinkSync } from 'node:fs';
import type { Address } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { PipeStream } from '../pipe-stream.js';
import { makeFailure, openFailure, shutOut } from './failures.js';
import { encodeKnock, newToken, pairPaths } from './knock.js';
import type { ResolvedFifoOptions } from './options.js';

/** Access of `openFifo`. */
export const READ = 0;
export const WRITE = 1;
export const BOTH = 2;

/**
 * A client at the server's fifo. It has made two fifos of its own and opened both; the server, once it has read the
 * knock, opens their other ends and writes its greeting. Nothing here waits.
 */
export class Visit {
  /** The server's fifo, to write to. It fails (FAILED) when the server ends. */
  readonly door: Fd;
  /** Readable when the server has answered. */
  readonly down: Fd;
  readonly #native: NativeAddon;
  readonly #address: Address;
  readonly #up: Fd;
  /** Reads from `up` in the server's place until it does: a fifo without a reader cannot be opened to write. */
  readonly #stand: Fd;
  readonly #paths: { readonly up: string; readonly down: string };
  readonly #knock: Buffer;

  /** Throws RpcError. */
  constructor(native: NativeAddon, address: Address, path: string, options: ResolvedFifoOptions) {
    this.#native = native;
    this.#address = address;
    try {
      this.door = native.openFifo(path, WRITE);
    } catch (error) {
      throw openFailure(error, address, path);
    }
    const token = newToken();
    this.#knock = encodeKnock(token);
    this.#paths = pairPaths(path, token);
    const opened: Fd[] = [this.door];
    const open = (at: string, access: 0 | 1): Fd => {
      const fd = native.openFifo(at, access);
      opened.push(fd);
      return fd;
    };
    try {
      const server = lstatSync(path).uid;
      if (server !== process.geteuid?.() && server !== 0 && (options.mode & 0o066) === 0) {
        throw shutOut(address, server, options.mode);
      }
      native.makeFifo(this.#paths.down, options.mode);
      native.makeFifo(this.#paths.up, options.mode);
      this.down = open(this.#paths.down, READ);
      this.#stand = open(this.#paths.up, READ);
      this.#up = open(this.#paths.up, WRITE);
    } catch (error) {
      for (const fd of opened) fd.close();
      this.#unlink();
      throw makeFailure(error, address, path);
    }
  }

  /** False when the server's fifo is full now. Throws a system error, EPIPE when the server has ended. */
  knock(): boolean {
    // Within PIPE_BUF: all of it or nothing.
    return this.#native.write(this.door, this.#knock, 0, this.#knock.length) > 0;
  }

  /** The server has answered: the pair is its link's from now on. */
  enter(): PipeStream {
    this.#leaveDoor();
    return new PipeStream(this.#native, {
      input: this.down,
      output: this.#up,
      peer: { address: this.#address.url },
    });
  }

  /** Gives everything up. */
  leave(): void {
    this.#leaveDoor();
    this.down.close();
    this.#up.close();
  }

  #leaveDoor(): void {
    this.door.close();
    this.#stand.close();
    // The server does so too, as soon as it has opened them, where it may.
    this.#unlink();
  }

  #unlink(): void {
    unlinkPair(this.#paths);
  }
}

/** Removes the names of a client's fifos, as far as they are there, are fifos, and may be removed. */
export function unlinkPair({ up, down }: { readonly up: string; readonly down: string }): void {
  for (const path of [up, down]) {
    try {
      if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) unlinkSync(path);
    } catch {
      // The other side was first, or whoever made it will do it.
    }
  }
}
