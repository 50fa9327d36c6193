import { type Deadline, type Peer, READABLE } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { FdStream } from '../fd-stream.js';
import { type NoteHooks, NoteReader } from './note.js';

export interface FifoSourceOptions extends NoteHooks {
  readonly native: NativeAddon;
  /** Open to read and write, so that it does not end when the last writer leaves. Owned by the source. */
  readonly fd: Fd;
  readonly peer: Peer;
  /** Bytes of the largest message that is passed on. */
  readonly limit: number;
  /** Called once, before the descriptor is closed. */
  readonly onClosing: () => void;
}

/** The reading end of a fifo that many write to, as a stream of the messages in it, each behind its length. */
export class FifoSource extends FdStream {
  readonly #notes: NoteReader;
  readonly #onClosing: () => void;
  /** What of a message is not passed on yet: `bytes[from, to)` of the reader. */
  #from = 0;
  #to = 0;
  #watched = 0;
  #reminding = false;

  constructor(options: FifoSourceOptions) {
    super(options.native, options.fd, options.peer, READABLE);
    this.#notes = new NoteReader(options.limit, options);
    this.#onClosing = options.onClosing;
  }

  /** Less than there is room for only when there is no more. */
  tryRead(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#holdsBack) {
        const count = this.#notes.bytes.copy(bytes, at, this.#from, Math.min(this.#to, this.#from + end - at));
        this.#from += count;
        at += count;
        continue;
      }
      const room = this.#notes.room();
      const got = this.native.read(this.fd, this.#notes.bytes, room, this.#notes.bytes.length);
      if (got <= 0) {
        this.#notes.rest();
        break;
      }
      this.#notes.take(got);
    }
    this.#remind();
    return at > start ? at - start : -1;
  }

  override wait(events: number, deadline: Deadline): number {
    return (events & READABLE) !== 0 && this.#holdsBack ? READABLE : super.wait(events, deadline);
  }

  override watch(events: number): void {
    this.#watched = events;
    super.watch(events);
    this.#remind();
  }

  /** The fifo does not tell of what has been read from it already. */
  #remind(): void {
    if (this.#reminding || (this.#watched & READABLE) === 0 || !this.#holdsBack) return;
    this.#reminding = true;
    setImmediate(() => {
      this.#reminding = false;
      if (this.fd.value === -1 || (this.#watched & READABLE) === 0 || !this.#holdsBack) return;
      this.onEvents(READABLE);
      this.#remind();
    });
  }

  /** A message, or the rest of one, has been read and not passed on. */
  get #holdsBack(): boolean {
    if (this.#from < this.#to) return true;
    const next = this.#notes.next();
    if (next < 0) return false;
    this.#from = next;
    this.#to = next + 4 + this.#notes.bytes.readUInt32LE(next);
    return true;
  }

  /** Nobody hears what this side says: it is the end marker. */
  tryWrite(_bytes: Buffer, start: number, end: number): number {
    return end - start;
  }

  override abort(): void {
    if (this.fd.value !== -1) this.#onClosing();
    super.abort();
  }
}
