import type { LinkEnd, Span } from '../transport/contract.js';
import type { Envelope } from './envelope.js';

/** What takes messages that answer this side's calls. */
export interface ReplySink {
  /** REPLY, HEADERS, READY, TAKEN, REPLY_ITEM or REQUEST_CREDIT. The span is valid during the call only. Must not throw. */
  onReply(envelope: Envelope, span: Span): void;
  /** GO_AWAY. Must not throw. */
  onGoAway?(): void;
  /** The channel has ended; nothing more will come. Called once. */
  onEnd(end: LinkEnd): void;
}

/** What takes the peer's calls. */
export interface RequestSink {
  /** REQUEST, PROBE, CANCEL, REQUEST_ITEM, REQUEST_END or REPLY_CREDIT. The span is valid during the call only. Must not throw. */
  onRequest(envelope: Envelope, span: Span): void;
  onEnd(end: LinkEnd): void;
}
