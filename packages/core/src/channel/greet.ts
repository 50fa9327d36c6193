import { Reason, RpcError } from '../errors/index.js';
import type { Link, Span } from '../transport/contract.js';
import { Channel } from './channel.js';
import { ENVELOPE_BYTES, emptyEnvelope, Kind, NO_DEADLINE, readEnvelope, writeEnvelope } from './envelope.js';
import { decodeFailure, encodeFailure } from './failure-payload.js';
import { encodeHello, type Hello, parseHello } from './hello.js';
import { envelopeError } from './problems.js';
import { deadlinePassed, type Wait, type Waits } from './waits.js';

export interface GreetOptions {
  readonly local: Hello;
  readonly checksum: boolean;
  /** Said when the greeting does not end in time, such as `connecting to shm:geo`. */
  readonly doing: string;
}

/**
 * The start of every channel, the same for both sides and both modes: each sends its hello and reads the other's.
 * Throws RpcError; the link is then no good and must be aborted by who drives this.
 */
export function* greet(link: Link, options: GreetOptions): Waits<Channel> {
  const payload = encodeHello(options.local);
  const bytes = ENVELOPE_BYTES + payload.length;
  if (bytes > link.maxMessageBytes) throw greetingTooLarge(link, bytes, options.doing);
  // A peer that has ended already may have said why: that is to be read, though nothing can be sent to it.
  while (link.end === undefined) {
    const span = link.claim(bytes);
    if (span !== null) {
      send(link, span, Kind.HELLO, 0, payload);
      break;
    }
    if (!(yield { for: 'room', bytes })) throw deadlinePassed(options.doing);
  }

  let received = link.receive();
  while (received === null) {
    if (link.ended) throw link.end?.error ?? new RpcError('UNAVAILABLE', `${options.doing}: the link ended`);
    const readable: Wait = { for: 'message', bytes: 0 };
    if (!(yield readable)) throw deadlinePassed(options.doing);
    received = link.receive();
  }
  const envelope = emptyEnvelope();
  const problem = readEnvelope(received, envelope);
  if (problem !== undefined) throw envelopeError(problem, envelope, link.peer.address);
  const { bytes: memory, start, end } = received;
  if (envelope.kind === Kind.GOODBYE)
    throw decodeFailure(envelope.status, memory, start + ENVELOPE_BYTES, end, 'channel');
  const text = envelope.kind === Kind.HELLO ? memory.toString('utf8', start + ENVELOPE_BYTES, end) : '';
  link.release();
  const { local, checksum } = options;
  return new Channel({ link, local, remote: parseHello(text), checksum, maxMetadataBytes: local.maxMetadataBytes });
}

function send(link: Link, { bytes, view, start }: Span, kind: number, status: number, payload: Buffer): void {
  writeEnvelope(view, start, kind, 0, status, payload.length, 0, 0, NO_DEADLINE);
  bytes.set(payload, start + ENVELOPE_BYTES);
  link.commit(ENVELOPE_BYTES + payload.length);
  link.flush();
}

/** The limit is too small for any call. The peer is told so, in as many words as the limit permits. */
function greetingTooLarge(link: Link, bytes: number, doing: string): RpcError {
  const words = `the greeting, which lists methods and their messages, takes ${bytes} bytes, and this link carries at most ${link.maxMessageBytes}: raise maxMessageBytes`;
  const options = { reason: Reason.MESSAGE_TOO_LARGE, failed: 'channel' } as const;
  const payload = encodeFailure(
    new RpcError('RESOURCE_EXHAUSTED', words, options),
    link.maxMessageBytes - ENVELOPE_BYTES,
  );
  const error = new RpcError('RESOURCE_EXHAUSTED', `${doing}: ${words}`, options);
  try {
    const span = link.claim(ENVELOPE_BYTES + payload.length);
    if (span !== null) send(link, span, Kind.GOODBYE, error.status, payload);
  } catch {
    // The peer has gone already, perhaps for the same reason.
  }
  return error;
}
