import {
  type ByteStream,
  type Deadline,
  FAILED,
  HUNG_UP,
  type Peer,
  READABLE,
  WRITABLE,
} from '@callgate/core/transport';
import type { Fd, NativeAddon, Watcher } from '@callgate/native';

/** What a pair of pipes is to its link. */
export interface PipeEnds {
  /** Non-blocking, as is `output`; both are owned by the stream. */
  readonly input: Fd;
  readonly output: Fd;
  readonly peer: Peer;
  /** The process at the other end (`openProcess`), owned by the stream: when it ends, so does the stream. */
  readonly life?: Fd;
  /** Whether the process at the other end is there and not about to end. */
  readonly lives?: () => boolean;
  /** Called once, before the descriptors are closed. */
  readonly onClosing?: () => void;
}

/** A pipe to read from and a pipe to write to as a byte stream, over the native addon. */
export class PipeStream implements ByteStream {
  readonly blocking = true;
  readonly peer: Peer;
  onEvents: (events: number) => void = () => undefined;
  readonly #native: NativeAddon;
  readonly #input: Fd;
  readonly #output: Fd;
  readonly #life: Fd | undefined;
  readonly #lives: (() => boolean) | undefined;
  readonly #onClosing: (() => void) | undefined;
  /** The arguments of `poll`, made once: to read only, and for everything else. */
  readonly #polledToRead: readonly Fd[];
  readonly #forRead: readonly number[];
  readonly #polled: readonly Fd[];
  readonly #polledFor: number[];
  #watchers: { readonly input: Watcher; readonly output: Watcher; readonly life: Watcher | undefined } | undefined;
  #alive = false;
  #open = true;

  constructor(native: NativeAddon, { input, output, peer, life, lives, onClosing }: PipeEnds) {
    this.#native = native;
    this.#input = input;
    this.#output = output;
    this.#life = life;
    this.#lives = lives;
    this.#onClosing = onClosing;
    const ended = life === undefined ? [] : [life];
    this.#polledToRead = [input, ...ended];
    this.#forRead = this.#polledToRead.map(() => READABLE);
    this.#polled = [input, output, ...ended];
    this.#polledFor = this.#polled.map(() => READABLE);
    this.peer = Object.freeze(peer);
  }

  tryRead(bytes: Buffer, start: number, end: number): number {
    return this.#native.read(this.#input, bytes, start, end);
  }

  tryWrite(bytes: Buffer, start: number, end: number): number {
    return this.#native.write(this.#output, bytes, start, end);
  }

  waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number {
    if (this.#life === undefined) return this.#native.read(this.#input, bytes, start, end, timeLeft(deadline));
    for (;;) {
      const found = this.wait(READABLE, deadline);
      if (found === 0) return -1;
      const got = this.tryRead(bytes, start, end);
      if (got !== -1) return got;
      // Its process has ended, though others may still hold the pipe open.
      if ((found & GONE) !== 0) return 0;
    }
  }

  wait(events: number, deadline: Deadline): number {
    const timeoutMs = timeLeft(deadline);
    if (events === READABLE) {
      const found = this.#native.poll(this.#polledToRead, this.#forRead, timeoutMs);
      return (found & 0xf) | (found >> 4 ? HUNG_UP : 0);
    }
    this.#polledFor[0] = events & READABLE;
    this.#polledFor[1] = events & WRITABLE;
    const found = this.#native.poll(this.#polled, this.#polledFor, timeoutMs);
    return (found & 0xf) | ((found >> 4) & 0xf) | (found >> 8 ? HUNG_UP : 0);
  }

  watch(events: number): void {
    if (this.#watchers === undefined) {
      if (events === 0) return;
      this.#watchers = this.#startWatching();
    }
    this.#watchers.input.watch(events & (READABLE | HUNG_UP));
    // A pipe that nobody reads any more fails, watched for room or not; the end of the input tells as much.
    this.#watchers.output.watch(events & WRITABLE);
    this.#watchers.life?.watch(READABLE);
  }

  writerLives(): boolean {
    return this.#lives?.() ?? false;
  }

  ref(): void {
    this.#keepAlive(true);
  }

  unref(): void {
    this.#keepAlive(false);
  }

  /** What was written stays in the pipe for the peer after this side has closed. */
  close(): Promise<void> | undefined {
    this.abort();
    return undefined;
  }

  abort(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watchers = undefined;
    this.#onClosing?.();
    this.#input.close();
    this.#output.close();
    this.#life?.close();
  }

  #startWatching(): { readonly input: Watcher; readonly output: Watcher; readonly life: Watcher | undefined } {
    const input = this.#native.createWatcher(this.#input, (found) => this.#happened(found));
    const output = this.#native.createWatcher(this.#output, (found) => this.#happened(found & ~READABLE));
    const life =
      this.#life === undefined ? undefined : this.#native.createWatcher(this.#life, () => this.#happened(HUNG_UP));
    const watchers = { input, output, life };
    for (const watcher of [input, output, life]) if (!this.#alive) watcher?.unref();
    return watchers;
  }

  #happened(events: number): void {
    // An earlier event of the same turn may have ended the link.
    if (this.#open) this.onEvents(events);
  }

  #keepAlive(alive: boolean): void {
    this.#alive = alive;
    if (this.#watchers === undefined) return;
    for (const watcher of [this.#watchers.input, this.#watchers.output, this.#watchers.life]) {
      if (alive) watcher?.ref();
      else watcher?.unref();
    }
  }
}

/** In milliseconds, as the addon wants it. */
function timeLeft(deadline: Deadline): number {
  return deadline === Number.POSITIVE_INFINITY ? deadline : Math.max(deadline - performance.now(), 0);
}

/** As bits that mean the end. */
export const GONE = HUNG_UP | FAILED;
