import type { Span } from '@callgate/core/transport';
import { type Head, Kind, TYPE_BYTES } from './layout.js';

const STORE_BYTES = 64 * 1024;

interface Stored {
  bytes: Buffer;
  view: DataView;
  start: number;
  end: number;
}

/** A message of which parts are missing. */
interface Partial {
  readonly serial: number;
  readonly parts: number;
  readonly memory: Buffer;
  next: number;
  filled: number;
}

/** What a link has received and nobody has taken yet: whole messages, and those of which parts are missing. */
export class Inbox {
  readonly #messages: Stored[] = [];
  readonly #partials = new Map<string, Partial>();
  #store = Buffer.allocUnsafeSlow(STORE_BYTES);
  #view = viewOf(this.#store);
  #tail = 0;
  #lent: Stored | undefined;
  /** Bytes of whole messages. */
  bytes = 0;

  get length(): number {
    return this.#messages.length;
  }

  get lent(): boolean {
    return this.#lent !== undefined;
  }

  /** There is a message of which parts are missing. */
  get waitsForParts(): boolean {
    return this.#partials.size > 0;
  }

  /** A sender has gone: what is missing of his messages will not come. */
  forget(from: number): void {
    for (const id of this.#partials.keys()) if (id.startsWith(`${from}:`)) this.#partials.delete(id);
  }

  /**
   * Takes a part. Its text is `bytes[start, end)`, copied from there, unless the bytes are those of `room`: then they stay
   * where they are. False when it fits to nothing that came before.
   */
  add(head: Head, bytes: Buffer, start: number, end: number): boolean {
    if (head.parts === 1) {
      if (end - start !== head.bytes) return false;
      if (bytes === this.#store) {
        this.#tail = end;
        this.#push(bytes, this.#view, start, end);
      } else {
        this.#append(bytes, start, end);
      }
      return true;
    }
    const id = `${head.from}:${head.serial}`;
    if (head.kind !== Kind.REST) {
      if (head.part !== 0 || end - start > head.bytes) return false;
      this.#partials.set(id, {
        serial: head.serial,
        parts: head.parts,
        memory: Buffer.allocUnsafe(head.bytes),
        next: 0,
        filled: 0,
      });
    }
    const partial = this.#partials.get(id);
    if (partial === undefined) return false;
    if (head.part !== partial.next || partial.filled + (end - start) > partial.memory.length) {
      this.#partials.delete(id);
      return false;
    }
    partial.memory.set(bytes.subarray(start, end), partial.filled);
    partial.filled += end - start;
    if (++partial.next < partial.parts) return true;
    this.#partials.delete(id);
    if (partial.filled !== partial.memory.length) return false;
    const { memory } = partial;
    this.#push(memory, viewOf(memory), 0, memory.length);
    return true;
  }

  /** Where to receive the next part: room for `bytes` of text behind a type. `start` is where the text begins. */
  room(bytes: number): { readonly bytes: Buffer; readonly view: DataView; readonly start: number } {
    this.#make(TYPE_BYTES + bytes);
    return { bytes: this.#store, view: this.#view, start: this.#tail + TYPE_BYTES };
  }

  lend(): Span | null {
    const message = this.#messages.shift();
    if (message === undefined) return null;
    this.#lent = message;
    this.bytes -= message.end - message.start;
    return message;
  }

  release(): void {
    this.#lent = undefined;
    if (this.#messages.length === 0) this.#tail = 0;
  }

  /** Drops everything. */
  clear(): void {
    this.#messages.length = 0;
    this.#partials.clear();
    this.bytes = 0;
  }

  #append(bytes: Buffer, start: number, end: number): void {
    this.#make(end - start);
    const at = this.#tail;
    bytes.copy(this.#store, at, start, end);
    this.#tail = at + (end - start);
    this.#push(this.#store, this.#view, at, this.#tail);
  }

  #push(bytes: Buffer, view: DataView, start: number, end: number): void {
    this.#messages.push({ bytes, view, start, end });
    this.bytes += end - start;
  }

  /** Makes sure that so many bytes are free behind the tail; messages in an older store keep it alive. */
  #make(bytes: number): void {
    if (this.#messages.length === 0 && this.#lent === undefined) this.#tail = 0;
    if (this.#tail + bytes <= this.#store.length) return;
    this.#store = Buffer.allocUnsafeSlow(Math.max(STORE_BYTES, bytes));
    this.#view = viewOf(this.#store);
    this.#tail = 0;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
