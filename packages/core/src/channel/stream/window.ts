import { badOption } from '../option-checks.js';

/**
 * How much of a stream may be on its way: counted in messages and in bytes of payload, for each stream and direction.
 * The receiver says in its hello how much it takes; what its reader has consumed it grants again, once that is half of it.
 */
export interface StreamWindow {
  readonly bytes: number;
  readonly messages: number;
}

/** 1 MiB: enough to keep a ring busy, and little beside the 32 MiB that a stream may cost at most. */
export const DEFAULT_WINDOW_BYTES = 1 << 20;
export const DEFAULT_WINDOW_MESSAGES = 4096;
/** What is owed fits into the 32 bits of a credit, whatever the largest message. */
export const LARGEST_WINDOW = 2 ** 30;

/** How much of each stream a side takes unread. */
export interface WindowOptions {
  /** Bytes of each stream that may come before they are read; one message more, however large. @default 1048576 (1 MiB) */
  readonly streamWindowBytes?: number | undefined;
  /** Messages of each stream that may come before they are read. @default 4096 */
  readonly streamWindowMessages?: number | undefined;
}

export interface ResolvedWindowOptions {
  readonly streamWindowBytes: number;
  readonly streamWindowMessages: number;
}

/** Validates and fills defaults. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveWindowOptions(options: WindowOptions): ResolvedWindowOptions {
  return {
    streamWindowBytes: within('streamWindowBytes', options.streamWindowBytes ?? DEFAULT_WINDOW_BYTES),
    streamWindowMessages: within('streamWindowMessages', options.streamWindowMessages ?? DEFAULT_WINDOW_MESSAGES),
  };
}

function within(name: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LARGEST_WINDOW) return value as number;
  throw badOption(name, `a number from 1 to ${LARGEST_WINDOW}`, value);
}

/** What a sender may still send. One message may go as long as any bytes are left, so that none is too large for a window. */
export class SendWindow {
  readonly #bytes: number;
  readonly #messages: number;
  #bytesLeft: number;
  #messagesLeft: number;

  constructor({ bytes, messages }: StreamWindow) {
    this.#bytes = bytes;
    this.#messages = messages;
    this.#bytesLeft = bytes;
    this.#messagesLeft = messages;
  }

  get open(): boolean {
    return this.#messagesLeft > 0 && this.#bytesLeft > 0;
  }

  spend(bytes: number): void {
    this.#messagesLeft--;
    this.#bytesLeft -= bytes;
  }

  /** False when that is more than was ever spent. */
  grant(messages: number, bytes: number): boolean {
    this.#messagesLeft += messages;
    this.#bytesLeft += bytes;
    return this.#messagesLeft <= this.#messages && this.#bytesLeft <= this.#bytes;
  }
}

/** The same as its receiver sees it. */
export class ReceiveWindow {
  readonly #halfBytes: number;
  readonly #halfMessages: number;
  #bytesLeft: number;
  #messagesLeft: number;
  /** Consumed, and not granted again yet. */
  owedBytes = 0;
  owedMessages = 0;

  constructor({ bytes, messages }: StreamWindow) {
    this.#bytesLeft = bytes;
    this.#messagesLeft = messages;
    this.#halfBytes = Math.max(1, bytes >>> 1);
    this.#halfMessages = Math.max(1, messages >>> 1);
  }

  /** A message has come. False when it should not have. */
  take(bytes: number): boolean {
    const allowed = this.#messagesLeft > 0 && this.#bytesLeft > 0;
    this.#messagesLeft--;
    this.#bytesLeft -= bytes;
    return allowed;
  }

  /** A message was consumed. True when it is time to grant what is owed. */
  consume(bytes: number): boolean {
    this.owedBytes += bytes;
    this.owedMessages++;
    return this.due;
  }

  get due(): boolean {
    return this.owedMessages >= this.#halfMessages || this.owedBytes >= this.#halfBytes;
  }

  /** What was owed is granted. */
  granted(): void {
    this.#messagesLeft += this.owedMessages;
    this.#bytesLeft += this.owedBytes;
    this.owedMessages = 0;
    this.owedBytes = 0;
  }
}
