import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, Link } from '../contract.js';
import { cutOff, describePeer, peerClosed, violation } from '../ends.js';
import { Waiter } from '../waiter.js';
import { type ByteStream, FAILED, HUNG_UP, READABLE } from './contract.js';
import {
  BYE,
  BYE_BYTES,
  byeBytes,
  decodeBye,
  encodeBye,
  encodeGreeting,
  encodeRefusal,
  GREETING_BYTES,
  LARGEST_MESSAGE,
  MAGIC,
  MAX_BYE_BYTES,
  VERSION_AT,
  WITH_HANDLES,
} from './layout.js';
import type { StreamLinkOptions } from './options.js';
import { StreamLink } from './stream-link.js';

/**
 * Makes a link over a connected stream, which it owns from now on, whatever comes of it. Both sides do this, and each
 * waits for the other's greeting. Rejects with what a refusing peer says; with UNAVAILABLE (PEER_DIED) when it goes;
 * DATA_LOSS (PROTOCOL_VIOLATION) when it is a stranger; FAILED_PRECONDITION (VERSION_MISMATCH); DEADLINE_EXCEEDED; or
 * the signal's reason. The wait keeps the event loop alive unless `keepAlive` is false.
 *
 * The link writes nothing before `flush` or a wait for a message; then one write takes all that is committed. What the
 * stream does not take follows on the event loop when it can, or inside the blocking waits. A wait for room does not
 * read: two ends that only write to each other, each more than the stream holds, wait for each other until their
 * deadlines. Who sends without bound must receive in between.
 */
export async function openStreamLink(
  stream: ByteStream,
  options: StreamLinkOptions,
  deadline: Deadline,
  signal?: AbortSignal,
  keepAlive = true,
): Promise<Link> {
  try {
    signal?.throwIfAborted();
    const greeting = new Greeting(stream);
    greeting.send(options.maxMessageBytes);
    if (!greeting.read()) await greeting.comes(deadline, signal, keepAlive);
    return greeting.link(options);
  } catch (error) {
    stream.abort();
    throw error;
  }
}

/** As openStreamLink, blocking the thread. */
export function openStreamLinkSync(stream: ByteStream, options: StreamLinkOptions, deadline: Deadline): Link {
  try {
    const greeting = new Greeting(stream);
    greeting.send(options.maxMessageBytes);
    while (!greeting.read()) if (stream.wait(READABLE, deadline) === 0) throw greeting.late();
    return greeting.link(options);
  } catch (error) {
    stream.abort();
    throw error;
  }
}

/** Lets a connected stream go, telling the peer why; without an error, that nothing is wrong. */
export function refuseStream(stream: ByteStream, error?: RpcError): void {
  try {
    const refusal = encodeRefusal(error);
    stream.tryWrite(refusal, 0, refusal.length);
  } catch {
    // It has gone by itself.
  }
  void stream.close();
}

/** The peer's greeting, as far as it has come. Nothing beyond it is read. */
class Greeting {
  readonly #stream: ByteStream;
  readonly #who: string;
  readonly #bytes = Buffer.alloc(MAGIC.length + MAX_BYE_BYTES);
  #got = 0;
  #needed = GREETING_BYTES;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#who = describePeer(stream.peer);
  }

  send(limit: number): void {
    const greeting = encodeGreeting(limit, this.#stream.courier !== undefined);
    try {
      for (let sent = 0; sent < greeting.length; ) {
        const more = this.#stream.tryWrite(greeting, sent, greeting.length);
        if (more < 0) throw violation(this.#who, 'gave a connection that takes no greeting');
        sent += more;
      }
    } catch (error) {
      if (RpcError.is(error)) throw error;
      // The peer has gone; it may have said why before, and that is read next.
    }
  }

  /** True when the greeting is there. Throws RpcError when there will be none. */
  read(): boolean {
    while (this.#got < this.#needed) {
      let got: number;
      try {
        got = this.#stream.tryRead(this.#bytes, this.#got, this.#needed);
      } catch (error) {
        throw cutOff(this.#who, false, error).error;
      }
      if (got < 0) return false;
      if (got === 0) throw cutOff(this.#who, false, undefined).error;
      this.#got += got;
      const problem = this.#check();
      if (problem === undefined) continue;
      this.#tell(problem);
      throw problem;
    }
    if (this.#refused) throw peerClosed(this.#who, decodeBye(this.#bytes, MAGIC.length)).error;
    return true;
  }

  /** Waits on the event loop. */
  async comes(deadline: Deadline, signal: AbortSignal | undefined, keepAlive: boolean): Promise<void> {
    const waiter = new Waiter(() => undefined);
    let failed: { readonly error: unknown } | undefined;
    this.#stream.onEvents = (events) => {
      try {
        const there = this.read();
        if (!there && (events & (HUNG_UP | FAILED)) !== 0) throw cutOff(this.#who, false, undefined).error;
        if (there) waiter.settle(true);
      } catch (error) {
        failed = { error };
        waiter.settle(true);
      }
    };
    waiter.keepAlive(keepAlive);
    if (keepAlive) this.#stream.ref();
    this.#stream.watch(READABLE | HUNG_UP);
    try {
      if (!(await waiter.start(deadline, signal))) throw this.late();
    } finally {
      this.#stream.onEvents = () => undefined;
    }
    if (failed !== undefined) throw failed.error;
    this.#stream.watch(0);
    this.#stream.unref();
  }

  link(options: StreamLinkOptions): Link {
    const maxMessageBytes = Math.min(options.maxMessageBytes, this.#limit);
    const handles = this.#bytes.readUInt32LE(MAGIC.length) >= WITH_HANDLES;
    return new StreamLink(this.#stream, { ...options, maxMessageBytes }, handles ? this.#stream.courier : undefined);
  }

  late(): RpcError {
    return new RpcError('DEADLINE_EXCEEDED', `${this.#who} did not answer in time`, {
      reason: Reason.DEADLINE,
      failed: 'channel',
    });
  }

  get #limit(): number {
    return this.#bytes.readUInt32LE(MAGIC.length) % WITH_HANDLES;
  }

  /** A bye is there in place of the limit. */
  get #refused(): boolean {
    return this.#bytes.readUInt32LE(MAGIC.length) === BYE;
  }

  /** What is wrong with what has come so far, if anything is. */
  #check(): RpcError | undefined {
    for (let i = 0; i < Math.min(this.#got, MAGIC.length); i++) {
      if (this.#bytes[i] !== MAGIC[i]) return i < VERSION_AT ? this.#stranger() : this.#otherVersion();
    }
    if (this.#got < GREETING_BYTES) return undefined;
    const limit = this.#limit;
    if (limit <= LARGEST_MESSAGE) return undefined;
    if (!this.#refused) return violation(this.#who, `stated an impossible limit of ${limit} bytes`);
    this.#needed = MAGIC.length + BYE_BYTES;
    if (this.#got < this.#needed) return undefined;
    const bytes = byeBytes(this.#bytes, MAGIC.length);
    if (bytes < 0) return violation(this.#who, 'sent a malformed end marker');
    this.#needed = MAGIC.length + bytes;
    return undefined;
  }

  #stranger(): RpcError {
    const start = this.#bytes.subarray(0, Math.min(this.#got, 8));
    const hex = start.toString('hex').replace(/..(?=.)/g, '$& ');
    const text = start.toString('latin1').replace(/[^ -~]/g, '.');
    // A handshake or an alert of TLS, which come as records of version 3.x (RFC 8446, 5.1).
    const tls = (start[0] === 0x16 || start[0] === 0x15) && (start[1] ?? 3) === 3;
    const guess = tls ? ', which is TLS, not clear text' : '; is it a server of another transport?';
    return violation(this.#who, `does not speak Callgate: it began with ${hex} ("${text}")${guess}`);
  }

  #otherVersion(): RpcError {
    const words = `frames messages by version ${this.#bytes[VERSION_AT]} of the protocol, this side by version ${MAGIC[VERSION_AT]}`;
    return new RpcError('FAILED_PRECONDITION', `${this.#who} ${words}`, {
      reason: Reason.VERSION_MISMATCH,
      failed: 'channel',
    });
  }

  /** Why the peer is disconnected, if it still takes that at once. */
  #tell(error: RpcError): void {
    const bye = encodeBye(error);
    try {
      this.#stream.tryWrite(bye, 0, bye.length);
    } catch {
      // It has gone as well.
    }
  }
}
