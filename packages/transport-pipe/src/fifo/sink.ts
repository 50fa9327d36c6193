import { type Deadline, type Peer, WRITABLE } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { FdStream } from '../fd-stream.js';
import { NOTE_HEADER_BYTES, PIPE_BUF, writeNote } from './note.js';

/** Before each message, a link writes its length; in place of one, this begins the end marker. */
const LENGTH_BYTES = 4;
const BYE = 0xffff_ffff;
/** Between two looks whether all was taken, of which nothing tells, in ms. */
const FIRST_LOOK_MS = 0.02;
const LONGEST_LOOK_MS = 2;

/** The writing end of a fifo that others write to as well: every write is one or more whole messages. */
export class FifoSink extends FdStream {
  readonly #packet = Buffer.allocUnsafeSlow(PIPE_BUF);

  constructor(native: NativeAddon, fd: Fd, peer: Peer) {
    super(native, fd, peer, WRITABLE);
  }

  /** Nothing ever comes back. */
  tryRead(): number {
    return -1;
  }

  /** `bytes[start, end)` are whole messages, each of at most LARGEST_NOTE bytes; the end marker is nobody's concern. */
  tryWrite(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      let filled = 0;
      let next = at;
      while (next < end) {
        const length = bytes.readUInt32LE(next);
        if (length === BYE) {
          next = end;
        } else if (filled + NOTE_HEADER_BYTES + length <= PIPE_BUF) {
          const message = next + LENGTH_BYTES;
          next = message + length;
          filled = writeNote(this.#packet, filled, bytes, message, next);
        } else break;
      }
      if (filled > 0 && this.native.write(this.fd, this.#packet, 0, filled) < 0) break;
      at = next;
    }
    return at > start ? at - start : -1;
  }

  /**
   * Blocks until the fifo has been empty: then all that was written before has been read. True when it was; false at the
   * deadline; undefined when nobody reads any more.
   */
  waitTaken(deadline: Deadline): boolean | undefined {
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_LOOK_MS)) {
      if (this.native.waitingBytes(this.fd) === 0) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      if (this.wait(0, performance.now() + Math.min(pauseMs, leftMs)) !== 0) return undefined;
    }
  }
}
