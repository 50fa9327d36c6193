import { type MessageQueueHandle, type MessageThread, messageQueueLimit, type NativeAddon } from '@callgate/native';
import { TYPE_BYTES } from './layout.js';

/** Where an endpoint receives one part at a time: the kernel's type, and behind it, from `TYPE_BYTES` on, the text. */
export class PartBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(TYPE_BYTES + messageQueueLimit('msgmax'));
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  readonly textBytes = this.bytes.length - TYPE_BYTES;
  readonly #native: NativeAddon;

  constructor(native: NativeAddon) {
    this.#native = native;
  }

  /** The kernel's type of what lies there. */
  get type(): number {
    return Number(this.view.getBigInt64(0, true));
  }

  /** Looks into a queue, for `spinUs` at most: bytes of the text, -1 for none. Throws a system error. */
  receive(queue: MessageQueueHandle, type: number, spinUs = 0): number {
    return this.#native.receiveMessage(queue, type, this.bytes, TYPE_BYTES, this.bytes.length, spinUs);
  }

  /** What a thread has received: bytes of the text, -1 for none. Throws a system error. */
  fetch(thread: MessageThread): number {
    return thread.fetch(this.bytes, TYPE_BYTES, this.bytes.length);
  }
}
