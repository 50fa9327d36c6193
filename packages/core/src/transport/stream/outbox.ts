import type { RpcError } from '../../errors/index.js';
import type { Handle, Span } from '../contract.js';
import { closeAll, ownDescriptor } from '../handle.js';
import type { ByteStream, HandleCourier } from './contract.js';
import { encodeBye, HEADER_BYTES, WITH_HANDLES } from './layout.js';

/** Bytes of the buffer of a link at rest. */
const BASE_BYTES = 65_536;
/** Handles that are kept unsent before the outbox counts as full: they take room in this process's table of files. */
const KEPT_HANDLES = 256;

/** Handles that go with the byte that comes `ahead` bytes after the head. */
interface Cargo {
  ahead: number;
  readonly handles: readonly Handle[];
}

/** Outgoing messages, framed in the buffer that the next write takes. It grows when needed and shrinks when written. */
export class Outbox {
  readonly #batchBytes: number;
  readonly #base = Buffer.allocUnsafeSlow(BASE_BYTES);
  readonly #baseView = viewOf(this.#base);
  #bytes = this.#base;
  #view = this.#baseView;
  /** `#bytes[head, tail)` is committed and not yet written. */
  #head = 0;
  #tail = 0;
  /** Bytes of the open claim; -1 for none. */
  #claimed = -1;
  readonly #span = { bytes: this.#bytes, view: this.#view, start: 0, end: 0 };

  readonly #courier: HandleCourier | undefined;
  /** In order; owned. */
  readonly #cargoes: Cargo[] = [];
  #keptHandles = 0;

  /** `batchBytes`: more than that is not kept unsent, except that any one message is taken when nothing is. */
  constructor(batchBytes: number, courier?: HandleCourier) {
    this.#batchBytes = batchBytes;
    this.#courier = courier;
  }

  get pending(): boolean {
    return this.#head !== this.#tail;
  }

  get claimed(): boolean {
    return this.#claimed >= 0;
  }

  fits(bytes: number): boolean {
    const unsent = this.#tail - this.#head;
    if (unsent === 0) return true;
    return unsent + HEADER_BYTES + bytes <= this.#batchBytes && this.#keptHandles < KEPT_HANDLES;
  }

  /** For what fits. */
  claim(bytes: number): Span {
    this.#makeRoom(HEADER_BYTES + bytes);
    this.#claimed = bytes;
    const span = this.#span;
    span.bytes = this.#bytes;
    span.view = this.#view;
    span.start = this.#tail + HEADER_BYTES;
    span.end = span.start + bytes;
    return span;
  }

  /** False when there is no claim of that many bytes. Takes the handles, of which there are none without a courier. */
  commit(length: number, handles?: readonly Handle[]): boolean {
    if (!(length >= 0 && length <= this.#claimed)) return false;
    if (handles !== undefined && handles.length > 0) {
      this.#view.setUint32(this.#tail, WITH_HANDLES + length, true);
      // Under a name of its own, so that nothing that the giver still does can close what waits here.
      const own = handles.map((handle) => ownDescriptor(handle.detach()));
      this.#cargoes.push({ ahead: this.#tail - this.#head, handles: own });
      this.#keptHandles += own.length;
    } else {
      this.#view.setUint32(this.#tail, length, true);
    }
    this.#tail += HEADER_BYTES + length;
    this.#claimed = -1;
    return true;
  }

  abandon(): void {
    this.#claimed = -1;
  }

  /** The end marker goes behind all that is committed. */
  sayBye(error?: RpcError): void {
    const bye = encodeBye(error);
    this.abandon();
    this.#makeRoom(bye.length);
    this.#tail += bye.copy(this.#bytes, this.#tail);
  }

  /**
   * One write, of all that is unsent; a further one for each message with handles. False when the stream is full now.
   * Throws what the stream throws.
   */
  write(stream: ByteStream): boolean {
    if (this.#cargoes.length > 0 && !this.#writeCargoes(stream)) return false;
    if (this.#head !== this.#tail) {
      const wrote = stream.tryWrite(this.#bytes, this.#head, this.#tail);
      if (wrote > 0) this.#head += wrote;
    }
    if (this.#head !== this.#tail) return false;
    // An open claim stays where it is; the space before it is won back with the next.
    if (this.#claimed >= 0) return true;
    this.#head = 0;
    this.#tail = 0;
    this.#bytes = this.#base;
    this.#view = this.#baseView;
    return true;
  }

  /** Drops everything. */
  clear(): void {
    for (const { handles } of this.#cargoes.splice(0)) closeAll(handles);
    this.#keptHandles = 0;
    this.#head = 0;
    this.#tail = 0;
    this.#claimed = -1;
    this.#bytes = this.#base;
    this.#view = this.#baseView;
  }

  /** Writes as far as the last of the handles, each in a write that begins with its message. False when full now. */
  #writeCargoes(stream: ByteStream): boolean {
    for (let next = this.#cargoes[0]; next !== undefined; next = this.#cargoes[0]) {
      if (next.ahead > 0) {
        const wrote = stream.tryWrite(this.#bytes, this.#head, this.#head + next.ahead);
        if (wrote > 0) this.#advance(wrote);
        if (next.ahead > 0) return false;
      }
      const end = this.#head + (this.#cargoes[1]?.ahead ?? this.#tail - this.#head);
      const wrote = this.#courier!.tryWriteWith(this.#bytes, this.#head, end, next.handles);
      if (wrote <= 0) return false;
      this.#cargoes.shift();
      this.#keptHandles -= next.handles.length;
      closeAll(next.handles);
      this.#advance(wrote);
      if (this.#head !== end) return false;
    }
    return true;
  }

  #advance(bytes: number): void {
    this.#head += bytes;
    for (const cargo of this.#cargoes) cargo.ahead -= bytes;
  }

  #makeRoom(bytes: number): void {
    if (this.#bytes.length - this.#tail >= bytes) return;
    const unsent = this.#tail - this.#head;
    if (this.#bytes.length - unsent >= bytes && this.#head >= unsent) {
      this.#bytes.copyWithin(0, this.#head, this.#tail);
    } else {
      const grown = Buffer.allocUnsafeSlow(Math.max(unsent + bytes, 2 * unsent));
      this.#bytes.copy(grown, 0, this.#head, this.#tail);
      this.#bytes = grown;
      this.#view = viewOf(grown);
    }
    this.#head = 0;
    this.#tail = unsent;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
