import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { sendControl } from './control.js';
import { BOXED } from './layout.js';
import { type Identity, lives } from './life.js';
import { removeQueue } from './roster.js';

const RETRY_MS = 10;

interface Later {
  readonly queue: MessageQueueHandle;
  readonly kind: number;
  readonly text: Buffer | undefined;
  /** Whose queue it is, if that is known. */
  readonly owner: Identity | undefined;
  /** The number of what it is about, 0 for none. */
  readonly serial: number;
}

/** What is to be said to boxes that may be full: tried again as long as the box, and its owner, are there. */
export class LaterSends {
  readonly #native: NativeAddon;
  readonly #box: number;
  readonly #onEmpty: () => void;
  readonly #waiting: Later[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `box`: who says it. `onEmpty`: nothing is left of what had to wait. */
  constructor(native: NativeAddon, box: number, onEmpty: () => void) {
    this.#native = native;
    this.#box = box;
    this.#onEmpty = onEmpty;
  }

  get any(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sends now, or when there is room. The queue stays the caller's. */
  send(queue: MessageQueueHandle, kind: number, text: Buffer | undefined, owner?: Identity, serial = 0): void {
    const later = { queue, kind, text, owner, serial };
    if (this.#trySend(later)) return;
    this.#waiting.push({ ...later, queue: this.#native.attachMessageQueue(this.#native.messageQueueId(queue)) });
    this.#timer ??= setInterval(() => this.#sendAll(), RETRY_MS);
    this.#timer.unref();
  }

  #trySend({ queue, kind, text, serial }: Later): boolean {
    try {
      return sendControl(this.#native, queue, BOXED, kind, this.#box, serial, text);
    } catch {
      return true;
    }
  }

  #sendAll(): void {
    for (let i = this.#waiting.length; i-- > 0; ) {
      const later = this.#waiting[i]!;
      const dead = later.owner !== undefined && !lives(later.owner);
      if (dead) removeQueue(this.#native, this.#native.messageQueueId(later.queue));
      else if (!this.#trySend(later)) continue;
      later.queue.close();
      this.#waiting.splice(i, 1);
    }
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#onEmpty();
  }
}
