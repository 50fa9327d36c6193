import { Reason, RpcError } from '../errors/index.js';
import { ENVELOPE_BYTES, type Envelope, type EnvelopeProblem, PROTOCOL_VERSION } from './envelope.js';
import type { Sending } from './sending.js';

/** The peer sent `what`, which the protocol forbids. */
export function violation(what: string, address: string): RpcError {
  return new RpcError('DATA_LOSS', `the peer at ${address} broke the protocol: it sent ${what}`, {
    reason: Reason.PROTOCOL_VIOLATION,
    failed: 'channel',
  });
}

/** The error for an envelope that can't be read. */
export function envelopeError(problem: EnvelopeProblem, envelope: Envelope, address: string): RpcError {
  switch (problem) {
    case 'version':
      return new RpcError(
        'FAILED_PRECONDITION',
        `the peer at ${address} speaks version ${envelope.version} of the protocol, this side speaks version ${PROTOCOL_VERSION}`,
        { reason: Reason.VERSION_MISMATCH, failed: 'channel' },
      );
    case 'checksum':
      return new RpcError('DATA_LOSS', `a message from ${address} was damaged on its way: its checksum is wrong`, {
        reason: Reason.CHECKSUM_MISMATCH,
        failed: 'channel',
      });
    case 'short':
      return violation(`a message shorter than an envelope (${ENVELOPE_BYTES} bytes)`, address);
    case 'magic':
      return violation('a message that does not start with the magic number of an envelope', address);
    case 'length':
      return violation('an envelope whose lengths do not add up to the message', address);
  }
}

/** A message of `size` bytes, with `extra` of metadata, is more than both sides take. */
export function messageTooLarge({ maxPayloadBytes, remote, link }: Sending, size: number, extra: number): RpcError {
  const metadata = extra === 0 ? '' : ` and ${extra} of metadata`;
  const limit =
    remote === undefined
      ? `messages of this link have at most ${link.maxMessageBytes} bytes`
      : "the smaller of both sides' maxMessageBytes";
  return new RpcError(
    'RESOURCE_EXHAUSTED',
    `the message has ${size} bytes${metadata}; this channel carries at most ${maxPayloadBytes} (${limit}, less the envelope)`,
    { reason: Reason.MESSAGE_TOO_LARGE },
  );
}

/** There is metadata to be sent over a link that has no room for any. */
export function noMetadataHere(address: string): RpcError {
  const words = `the link to ${address} carries no metadata: it has room for a method and 32 bits only`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
