/** Two connected byte streams in memory, as stingy as wanted: for what a system's own streams do rarely. */
import type { Peer } from '../../contract.js';
import { type ByteStream, HUNG_UP, READABLE, WRITABLE } from '../contract.js';

export interface MemoryOptions {
  /** Most bytes that one read gives. @default unlimited */
  readonly readBytes?: number;
  /** Most bytes that one write takes. @default unlimited */
  readonly writeBytes?: number;
  /** Bytes that wait unread in one direction at most. @default 65536 */
  readonly capacity?: number;
}

export class MemoryStream implements ByteStream {
  readonly blocking = true;
  readonly peer: Peer = { address: 'memory:' };
  onEvents: (events: number) => void = () => undefined;
  other!: MemoryStream;
  reads = 0;
  writes = 0;
  released = false;
  alive = false;
  /** What the next read or write throws, with this as its code. */
  failReadsWith: string | undefined;
  incoming = Buffer.alloc(0);
  readonly #options: MemoryOptions;
  #watched = 0;
  #scheduled = false;

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  tryRead(bytes: Buffer, start: number, end: number): number {
    this.reads++;
    if (this.incoming.length === 0) {
      if (this.failReadsWith !== undefined) throw systemError(this.failReadsWith);
      return this.other.released ? 0 : -1;
    }
    const count = Math.min(end - start, this.incoming.length, this.#options.readBytes ?? Number.POSITIVE_INFINITY);
    this.incoming.copy(bytes, start, 0, count);
    this.incoming = this.incoming.subarray(count);
    this.other.schedule();
    return count;
  }

  tryWrite(bytes: Buffer, start: number, end: number): number {
    this.writes++;
    if (this.other.released) throw systemError('EPIPE');
    const room = (this.#options.capacity ?? 65_536) - this.other.incoming.length;
    const count = Math.min(end - start, room, this.#options.writeBytes ?? Number.POSITIVE_INFINITY);
    if (count <= 0) return -1;
    this.other.incoming = Buffer.concat([this.other.incoming, bytes.subarray(start, start + count)]);
    this.other.schedule();
    return count;
  }

  waitRead(bytes: Buffer, start: number, end: number): number {
    return this.tryRead(bytes, start, end);
  }

  /** There is nobody else on this thread for whom waiting would make sense. */
  wait(events: number): number {
    return this.#level(events);
  }

  watch(events: number): void {
    this.#watched = events;
    this.schedule();
  }

  ref(): void {
    this.alive = true;
  }

  unref(): void {
    this.alive = false;
  }

  close(): undefined {
    this.abort();
  }

  abort(): void {
    this.released = true;
    this.other.schedule();
  }

  schedule(): void {
    if (this.#scheduled || this.released || this.#level(this.#watched) === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const events = this.released ? 0 : this.#level(this.#watched);
      if (events !== 0) this.onEvents(events);
      this.schedule();
    });
  }

  #level(events: number): number {
    const gone = this.other.released;
    const room = (this.#options.capacity ?? 65_536) > this.other.incoming.length;
    const all = (this.incoming.length > 0 || gone ? READABLE : 0) | (room || gone ? WRITABLE : 0);
    return (all & events) | (gone && events !== 0 ? HUNG_UP : 0);
  }
}

export function memoryPair(options: MemoryOptions = {}): [MemoryStream, MemoryStream] {
  const one = new MemoryStream(options);
  const other = new MemoryStream(options);
  one.other = other;
  other.other = one;
  return [one, other];
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}
