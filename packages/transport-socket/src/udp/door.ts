import { createHmac, randomBytes } from 'node:crypto';
import { RpcError } from '@callgate/core/errors';
import type { ByteStream, Link } from '@callgate/core/transport';
import {
  GREETING_BYTES,
  HEAD_BYTES,
  Kind,
  kindOf,
  linkIdOf,
  OTHER_VERSION,
  Refusal,
  readGreeting,
  writeGreeting,
  writeHead,
} from './layout.js';
import { UdpLink } from './link.js';
import type { ResolvedUdpOptions } from './options.js';

/** Seconds for which a token makes a link. */
const TOKEN_S = 10;

/** Who sent a datagram, as a listener sees it. */
export interface Caller {
  /** The address in bytes: equal bytes, equal address. Used again for the next datagram. */
  readonly key: Uint8Array;
  /** Sends a datagram back; a socket that is full, or fails, loses it. */
  answer(bytes: Buffer): void;
  /** A socket of the caller's own. */
  fork(): ByteStream | Promise<ByteStream>;
}

interface Guest {
  readonly key: Buffer;
  readonly link: UdpLink | undefined;
  /** Until then the guest is remembered though its link has ended: its token would still make another. */
  readonly keepUntilMs: number;
}

/**
 * The server's side of the greeting. Before an address has proved to be true, nothing is kept of it, and nothing is sent
 * to it that is larger than what came in its name. What cannot be read is passed over in silence.
 */
export class Door {
  readonly #options: ResolvedUdpOptions;
  readonly #onLink: (link: Link) => void;
  readonly #onError: (error: RpcError) => void;
  readonly #url: string;
  /** Makes tokens; another one for each listener, so that no token outlives it. */
  readonly #secret = randomBytes(32);
  readonly #beganMs = performance.now();
  readonly #guests = new Map<bigint, Guest>();
  #links = 0;
  #open = true;

  constructor(
    url: string,
    options: ResolvedUdpOptions,
    onLink: (link: Link) => void,
    onError: (error: RpcError) => void,
  ) {
    this.#url = url;
    this.#options = options;
    this.#onLink = onLink;
    this.#onError = onError;
  }

  close(): void {
    this.#open = false;
  }

  /** Takes a datagram that concerns no link's own socket. */
  take(bytes: Buffer, length: number, caller: Caller): void {
    const kind = kindOf(bytes, length);
    if (kind === OTHER_VERSION && length >= GREETING_BYTES) this.#refuse(bytes, caller, Refusal.VERSION);
    else if (kind === Kind.HELLO) this.#hello(bytes, caller);
    else if (kind === Kind.OPEN) void this.#enter(bytes, caller);
    else if (kind === Kind.MESSAGE) this.#unknown(bytes, caller);
  }

  #hello(bytes: Buffer, caller: Caller): void {
    const { id } = readGreeting(bytes);
    if (this.#links >= this.#options.maxLinks && !this.#guests.has(id)) {
      this.#refuse(bytes, caller, Refusal.TOO_MANY);
      return;
    }
    const word = this.#second();
    const token = this.#token(caller.key, id, word);
    const { maxMessageBytes, idleMs } = this.#options;
    caller.answer(writeGreeting({ kind: Kind.WELCOME, id, word, token, maxMessageBytes, idleMs }));
  }

  async #enter(bytes: Buffer, caller: Caller): Promise<void> {
    const { id, word, token, maxMessageBytes } = readGreeting(bytes);
    if (token !== this.#token(caller.key, id, word)) return;
    const known = this.#guests.get(id);
    if (known !== undefined) {
      if (!known.key.equals(caller.key)) return;
      // On its way through this door still, or gone.
      if (known.link === undefined) return;
      if (known.link.end === undefined) known.link.sayOpened();
      else this.#unknown(bytes, caller);
      return;
    }
    if (this.#second() - word > TOKEN_S) return;
    if (this.#links >= this.#options.maxLinks) {
      this.#refuse(bytes, caller, Refusal.TOO_MANY);
      return;
    }
    this.#forget();
    const key = Buffer.from(caller.key);
    const keepUntilMs = performance.now() + (TOKEN_S + 1) * 1000;
    this.#guests.set(id, { key, link: undefined, keepUntilMs });
    this.#links++;
    try {
      const forked = caller.fork();
      const socket = forked instanceof Promise ? await forked : forked;
      const link = new UdpLink(socket, id, {
        maxMessageBytes: Math.min(this.#options.maxMessageBytes, Math.max(maxMessageBytes, HEAD_BYTES)),
        whileUnreachable: 'fail',
        idleMs: this.#options.idleMs,
        side: 'server',
      });
      this.#guests.set(id, { key, link, keepUntilMs });
      void link.closed.then(() => {
        this.#links--;
        this.#forget();
      });
      if (!this.#open) {
        link.abort();
        return;
      }
      link.sayOpened();
      this.#onLink(link);
    } catch (error) {
      this.#links--;
      this.#guests.delete(id);
      this.#onError(RpcError.from(error));
    }
  }

  /** Tells who speaks on a link that is not there. */
  #unknown(bytes: Buffer, caller: Caller): void {
    const answer = Buffer.alloc(HEAD_BYTES);
    const id = linkIdOf(bytes);
    // Of a link that is there, this datagram came too early for its own socket; it is sent again.
    if (this.#guests.get(id)?.link?.end === undefined && this.#guests.has(id)) return;
    writeHead(answer, Kind.RESET, id);
    caller.answer(answer);
  }

  #refuse(bytes: Buffer, caller: Caller, word: number): void {
    caller.answer(writeGreeting({ kind: Kind.REFUSED, id: linkIdOf(bytes), word }));
    if (word === Refusal.TOO_MANY) {
      const words = `a client was refused at ${this.#url}: there are ${this.#links} already (maxLinks)`;
      this.#onError(new RpcError('RESOURCE_EXHAUSTED', words, { reason: 'OVERLOADED', failed: 'channel' }));
    }
  }

  /** Forgets those whose links have ended, once their tokens are worth nothing any more. */
  #forget(): void {
    const now = performance.now();
    for (const [id, { link, keepUntilMs }] of this.#guests) {
      if (keepUntilMs > now) break;
      if (link?.end !== undefined) this.#guests.delete(id);
    }
  }

  #second(): number {
    return Math.floor((performance.now() - this.#beganMs) / 1000);
  }

  #token(key: Uint8Array, id: bigint, second: number): bigint {
    const rest = Buffer.alloc(12);
    rest.writeBigUInt64LE(id);
    rest.writeUInt32LE(second, 8);
    return createHmac('sha256', this.#secret).update(key).update(rest).digest().readBigUInt64LE();
  }
}
