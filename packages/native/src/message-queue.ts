import type { MessageQueueHandle, MessageQueueStatus, MessageThread } from './addon.js';
import { loadAddon } from './load.js';
import { explain, KEY_BITS, limit } from './message-queue-errors.js';

/** How long to wait: for ever, not at all, or so many milliseconds. */
export type MessageTimeout = 'never' | 'immediate' | number;

export interface MessageQueueOptions {
  /** Which queue: a key that programs have agreed on, from 1 to 2^32-1. @default a new queue without a key */
  readonly key?: number;
  /** Which queue: a name, from which the key is computed (`messageQueueKey`). Not together with `key`. */
  readonly name?: string;
  /** `if-missing` makes it unless it is there, `exclusive` fails with EEXIST when it is, `never` with ENOENT when not. @default 'if-missing' */
  readonly create?: 'if-missing' | 'exclusive' | 'never';
  /** Who may send (w) and receive (r), when it is made. @default 0o600 */
  readonly mode?: number;
  /** Bytes that it takes; only its owner may set it, and only root above kernel.msgmnb. @default kernel.msgmnb */
  readonly capacityBytes?: number;
}

export interface SendMessageOptions {
  /** From 1 to 2^53-1: receivers choose by it. @default 1 */
  readonly type?: number;
  /** For how long to wait while the queue is full. @default 'never' */
  readonly timeout?: MessageTimeout;
}

export interface ReceiveMessageOptions {
  /** 0 the oldest message, n the oldest of type n, -n the oldest of the lowest type up to n. @default 0 */
  readonly type?: number;
  /** For how long to wait while there is none. @default 'never' */
  readonly timeout?: MessageTimeout;
}

export interface QueuedMessage {
  readonly type: number;
  readonly bytes: Buffer;
}

/**
 * A System V message queue. Any number of processes send and receive; each message goes to one receiver. It lives on in
 * the kernel, with its messages, until somebody removes it. Full and empty are values; what is thrown is a system error
 * (`code`: EIDRM the queue was removed, EACCES, EMSGSIZE, EBADF after `close`). Source: msgget(2), msgop(2).
 */
export interface MessageQueue extends Disposable {
  /** The kernel's number for it (msqid). */
  readonly id: number;
  /** 0 for a queue without a key. */
  readonly key: number;
  /** True once the queue has the message, false when it was full until the timeout. The event loop goes on. */
  send(bytes: Uint8Array, options?: SendMessageOptions & { readonly signal?: AbortSignal }): Promise<boolean>;
  /** As `send`, blocking the thread. */
  sendSync(bytes: Uint8Array, options?: SendMessageOptions): boolean;
  /** The message, or null when there was none until the timeout. The event loop goes on; a thread of its own waits. */
  receive(options?: ReceiveMessageOptions & { readonly signal?: AbortSignal }): Promise<QueuedMessage | null>;
  /** As `receive`, blocking the thread. */
  receiveSync(options?: ReceiveMessageOptions): QueuedMessage | null;
  status(): MessageQueueStatus;
  /** Removes the queue from the system, with what is in it, at once: whoever waits for it gets EIDRM. Idempotent. */
  unlink(): void;
  /** Lets go; the queue stays. Ends what is under way here with EBADF. Idempotent. */
  close(): void;
}

/** The key of a name: its FNV-1a hash, never 0. Two names can have the same key; two programs get the same for a name. */
export function messageQueueKey(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash === 0 ? 1 : hash;
}

/** Gets or makes a queue. Throws a system error that says what was wrong and what to do; TypeError, RangeError for options. */
export function createMessageQueue(options: MessageQueueOptions = {}): MessageQueue {
  const { key = 0, name, create = 'if-missing', mode = 0o600, capacityBytes } = options;
  if (name !== undefined && options.key !== undefined)
    throw new TypeError('createMessageQueue: key and name exclude each other');
  const chosen = name === undefined ? key : messageQueueKey(name);
  if (!Number.isInteger(chosen) || chosen < 0 || chosen > KEY_BITS)
    throw new RangeError(
      `createMessageQueue: key: expected a whole number from 1 to ${KEY_BITS}, found ${String(key)}`,
    );
  const how = ({ never: 0, 'if-missing': 1, exclusive: 2 } as const)[create];
  if (how === undefined) throw new TypeError(`createMessageQueue: create: expected never, if-missing or exclusive`);
  const addon = loadAddon();
  let handle: MessageQueueHandle;
  try {
    handle = addon.getMessageQueue(chosen, chosen === 0 ? 2 : how, mode, 0);
  } catch (error) {
    throw explain(error, chosen, name);
  }
  try {
    if (capacityBytes !== undefined) addon.setMessageQueueCapacity(handle, capacityBytes);
    return new KernelQueue(handle, chosen);
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** Bytes in front of each text, for the kernel's type. */
const TYPE_BYTES = 8;
const never = Number.POSITIVE_INFINITY;

class KernelQueue implements MessageQueue {
  readonly id: number;
  readonly key: number;
  readonly #addon = loadAddon();
  readonly #handle: MessageQueueHandle;
  readonly #largest = limit('msgmax');
  #buffer: Buffer | undefined;
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();
  #closed = false;

  constructor(handle: MessageQueueHandle, key: number) {
    this.#handle = handle;
    this.key = key;
    this.id = this.#addon.messageQueueId(handle);
  }

  sendSync(bytes: Uint8Array, options: SendMessageOptions = {}): boolean {
    const text = this.#framed(bytes);
    return this.#addon.sendMessage(this.#handle, options.type ?? 1, text, TYPE_BYTES, text.length, ms(options.timeout));
  }

  async send(
    bytes: Uint8Array,
    options: SendMessageOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<boolean> {
    const { type = 1, timeout, signal } = options;
    signal?.throwIfAborted();
    const text = this.#framed(bytes);
    if (this.#addon.sendMessage(this.#handle, type, text, TYPE_BYTES, text.length, 0)) return true;
    const begin = (thread: MessageThread): void => thread.send(this.#handle, type, text, TYPE_BYTES, text.length);
    return this.#await(
      begin,
      ms(timeout),
      signal,
      (worker) => worker.thread.fetch(text, TYPE_BYTES, text.length) === 0,
    );
  }

  receiveSync(options: ReceiveMessageOptions = {}): QueuedMessage | null {
    const { type = 0 } = options;
    const into = this.#room();
    const got = this.#addon.receiveMessage(this.#handle, type, into, TYPE_BYTES, into.length, 0);
    const timeoutMs = ms(options.timeout);
    if (got >= 0) return message(into, got);
    if (timeoutMs <= 0) return null;
    const worker = this.#worker();
    try {
      worker.thread.receive(this.#handle, type, into.length - TYPE_BYTES);
      if (!worker.thread.wait(timeoutMs) && !worker.thread.cancel()) return null;
      return message(into, worker.thread.fetch(into, TYPE_BYTES, into.length));
    } finally {
      this.#release(worker);
    }
  }

  async receive(
    options: ReceiveMessageOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<QueuedMessage | null> {
    const { type = 0, timeout, signal } = options;
    signal?.throwIfAborted();
    const into = this.#room();
    const got = this.#addon.receiveMessage(this.#handle, type, into, TYPE_BYTES, into.length, 0);
    if (got >= 0) return message(into, got);
    const begin = (thread: MessageThread): void => thread.receive(this.#handle, type, into.length - TYPE_BYTES);
    return this.#await(begin, ms(timeout), signal, (worker) => {
      const room = this.#room();
      const length = worker.thread.fetch(room, TYPE_BYTES, room.length);
      return length < 0 ? null : message(room, length);
    });
  }

  status(): MessageQueueStatus {
    return this.#addon.messageQueueStatus(this.#handle);
  }

  unlink(): void {
    this.#addon.removeMessageQueue(this.#handle);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const worker of [...this.#busy]) worker.stop?.();
    for (const worker of this.#idle) worker.thread.close();
    this.#idle.length = 0;
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Lets a thread wait, and fetches what came of it: what `fetch` gives for -1 when the time was up. */
  async #await<T>(
    begin: (thread: MessageThread) => void,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    fetch: (worker: Worker) => T,
  ): Promise<T> {
    const worker = this.#worker();
    try {
      if (timeoutMs > 0) {
        begin(worker.thread);
        worker.thread.ref();
        await settled(worker, timeoutMs, signal);
        // What came through before it could be stopped counts, even past the deadline: nothing may be lost.
        if (!worker.thread.cancel()) {
          signal?.throwIfAborted();
          if (this.#closed) this.status();
        }
      }
      return fetch(worker);
    } finally {
      this.#release(worker);
    }
  }

  #framed(bytes: Uint8Array): Buffer {
    const text = Buffer.allocUnsafe(TYPE_BYTES + bytes.length);
    text.set(bytes, TYPE_BYTES);
    return text;
  }

  #room(): Buffer {
    this.#buffer ??= Buffer.allocUnsafeSlow(TYPE_BYTES + this.#largest);
    return this.#buffer;
  }

  #worker(): Worker {
    const worker = this.#idle.pop() ?? new Worker();
    this.#busy.add(worker);
    return worker;
  }

  #release(worker: Worker): void {
    this.#busy.delete(worker);
    if (this.#closed) {
      worker.thread.close();
      return;
    }
    worker.thread.unref();
    this.#idle.push(worker);
  }
}

/** A thread with whom it wakes. */
class Worker {
  stop: (() => void) | undefined;
  readonly thread: MessageThread;

  constructor() {
    this.thread = loadAddon().createMessageThread(() => this.stop?.());
  }
}

/** Resolves when the thread is done, the time is up, the signal fires or the queue is closed: the caller finds out which. */
function settled(worker: Worker, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = performance.now() + timeoutMs;
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      worker.stop = undefined;
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const look = (): void => {
      const left = end - performance.now();
      if (left <= 0) finish();
      else timer = setTimeout(look, Math.min(Math.ceil(left), 2 ** 31 - 1));
    };
    if (timeoutMs !== never) look();
    worker.stop = finish;
    signal?.addEventListener('abort', finish);
  });
}

function message(buffer: Buffer, length: number): QueuedMessage {
  return {
    type: Number(buffer.readBigInt64LE(0)),
    bytes: Buffer.from(buffer.subarray(TYPE_BYTES, TYPE_BYTES + length)),
  };
}

function ms(timeout: MessageTimeout = 'never'): number {
  if (timeout === 'never') return never;
  if (timeout === 'immediate') return 0;
  if (typeof timeout === 'number' && timeout >= 0) return timeout;
  throw new RangeError(`timeout: expected 'never', 'immediate' or milliseconds from 0 on, found ${String(timeout)}`);
}
