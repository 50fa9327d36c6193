import type { MessagePort } from 'node:worker_threads';
import { type ByteStream, FAILED, HUNG_UP as GONE, READABLE, WRITABLE } from '@callgate/core/transport';
import { ByteRing } from './byte-ring.js';
import {
  CLOSE,
  DROP,
  HUNG_UP,
  IN_READ,
  IN_WRITTEN,
  KEEPER_BELL,
  KEEPER_STALLED,
  OPEN,
  OUT_READ,
  OUT_WRITTEN,
  RELEASED,
  ring,
  type Shared,
  STAGE,
  USER_BELL,
  USER_STALLED,
  WISH,
  WRITTEN,
} from './layout.js';
import { type Rest, toPlainError } from './messages.js';

/** Milliseconds that a connection which is to be closed has to take its last bytes. */
const CLOSE_MS = 2000;
/** Bytes that are read at once where there is no ring to read into. */
const SCRATCH_BYTES = 65_536;

/** On the keeper's thread: carries bytes between a connection, which it owns, and the memory shared with its user. */
export class Bridge {
  readonly #stream: ByteStream;
  readonly #words: Int32Array;
  readonly #port: MessagePort;
  readonly #in: ByteRing;
  readonly #out: ByteRing;
  readonly #onReleased: () => void;
  #hungUp = false;
  /** The connection takes nothing any more. */
  #mute = false;
  #closing: NodeJS.Timeout | undefined;
  #done = false;

  /** `onReleased`: the connection is gone, and nothing more will be done for it. */
  constructor(stream: ByteStream, { words, incoming, outgoing }: Shared, port: MessagePort, onReleased: () => void) {
    this.#stream = stream;
    this.#words = words;
    this.#port = port;
    this.#in = new ByteRing(words, IN_WRITTEN, IN_READ, incoming);
    this.#out = new ByteRing(words, OUT_WRITTEN, OUT_READ, outgoing);
    this.#onReleased = onReleased;
    stream.onEvents = (events) => this.#go(events);
    stream.ref();
    this.#tell(OPEN);
    void this.#listen();
  }

  async #listen(): Promise<void> {
    while (!this.#done) {
      const heard = Atomics.load(this.#words, KEEPER_BELL);
      this.#go(0);
      if (this.#done) return;
      await Atomics.waitAsync(this.#words, KEEPER_BELL, heard).value;
    }
  }

  #go(events: number): void {
    if (this.#done) return;
    const wish = Atomics.load(this.#words, WISH);
    if (wish === DROP) {
      this.#drop();
      return;
    }
    this.#write();
    if (wish === CLOSE) {
      this.#goOnClosing(events);
      return;
    }
    if (!this.#hungUp) this.#read((events & (GONE | FAILED)) !== 0);
    const reads = this.#hungUp ? 0 : GONE | (this.#hasRoom() ? READABLE : 0);
    this.#stream.watch(reads | (!this.#mute && this.#out.size > 0 ? WRITABLE : 0));
  }

  #write(): void {
    if (this.#mute) return;
    let any = false;
    try {
      for (let run = this.#out.readRun; run > 0; run = this.#out.readRun) {
        const at = this.#out.readAt;
        const count = this.#stream.tryWrite(this.#out.bytes, at, at + run);
        if (count <= 0) break;
        this.#out.took(count);
        any = true;
      }
    } catch (error) {
      this.#mute = true;
      if (!this.#hungUp) this.#readToEnd(error);
      return;
    }
    if (any && Atomics.exchange(this.#words, USER_STALLED, 0) !== 0) ring(this.#words, USER_BELL);
  }

  /** `gone`: nothing will come but what is there. */
  #read(gone: boolean): void {
    let any = false;
    try {
      for (let run = this.#in.writeRun; run > 0; run = this.#in.writeRun) {
        const at = this.#in.writeAt;
        const count = this.#stream.tryRead(this.#in.bytes, at, at + run);
        if (count === 0) this.#hangUp();
        if (count <= 0) break;
        this.#in.wrote(count);
        any = true;
      }
    } catch (error) {
      this.#hangUp(error);
    }
    if (gone && !this.#hungUp) this.#readToEnd();
    else if (any) ring(this.#words, USER_BELL);
  }

  /**
   * What does not fit the ring goes by the port, so that the user has all when it hears of the end. `cause`: why it has come,
   * if reading does not tell.
   */
  #readToEnd(cause?: unknown): void {
    const chunks: Buffer[] = [];
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
        const count = this.#stream.tryRead(chunk, 0, chunk.length);
        if (count <= 0) break;
        chunks.push(chunk.subarray(0, count));
      }
      this.#hangUp(cause, Buffer.concat(chunks));
    } catch (error) {
      this.#hangUp(error, Buffer.concat(chunks));
    }
  }

  #hangUp(error?: unknown, bytes: Uint8Array = new Uint8Array(0)): void {
    this.#hungUp = true;
    const failure = error === undefined ? {} : { error: toPlainError(error) };
    this.#port.postMessage({ kind: 'rest', bytes, ...failure } satisfies Rest);
    this.#tell(HUNG_UP);
  }

  #hasRoom(): boolean {
    if (this.#in.room > 0) return true;
    Atomics.store(this.#words, KEEPER_STALLED, 1);
    // It may have been made in this very moment, without a ring.
    if (this.#in.room > 0) ring(this.#words, KEEPER_BELL);
    return false;
  }

  /** The user has written all that it will, and reads nothing any more. */
  #goOnClosing(events: number): void {
    this.#closing ??= setTimeout(() => this.#drop(), CLOSE_MS);
    if (this.#mute || (this.#out.size === 0 && (events & WRITABLE) !== 0)) {
      this.#letGo();
      return;
    }
    // The peer may have to be rid of what it sends before it reads.
    try {
      const scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
      let count = 1;
      while (count > 0) count = this.#stream.tryRead(scratch, 0, scratch.length);
      if (count === 0) this.#hungUp = true;
    } catch {
      this.#mute = true;
    }
    if (this.#mute) this.#letGo();
    else this.#stream.watch(WRITABLE | (this.#hungUp ? 0 : READABLE));
  }

  /** All that was written is with the system. */
  #letGo(): void {
    this.#done = true;
    clearTimeout(this.#closing);
    this.#tell(WRITTEN);
    void Promise.resolve(this.#stream.close()).then(() => this.#released());
  }

  #drop(): void {
    this.#done = true;
    clearTimeout(this.#closing);
    this.#stream.abort();
    this.#released();
  }

  #released(): void {
    this.#tell(RELEASED);
    // Ends the own wait, which would hold the memory.
    ring(this.#words, KEEPER_BELL);
    this.#port.close();
    this.#onReleased();
  }

  /** Stages never go back. */
  #tell(stage: number): void {
    if (Atomics.load(this.#words, STAGE) < stage) Atomics.store(this.#words, STAGE, stage);
    ring(this.#words, USER_BELL);
  }
}
