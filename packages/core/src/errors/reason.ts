/** Machine-readable words for what happened, finer than a code. Stable: programs compare them. */
export const Reason = {
  /** `timeout: 'immediate'`, and the callee could not take the call now. */
  NOT_READY: 'NOT_READY',
  /** The deadline passed. */
  DEADLINE: 'DEADLINE',
  /** The caller's AbortSignal fired. */
  ABORTED_BY_CALLER: 'ABORTED_BY_CALLER',
  /** The peer's process or thread ended without an orderly close. */
  PEER_DIED: 'PEER_DIED',
  /** The peer closed the link in an orderly way while the call was in flight. */
  PEER_CLOSED: 'PEER_CLOSED',
  /** The server closed and said why: the message has its words. */
  EPITAPH: 'EPITAPH',
  /** This side closed the channel or client. */
  CLOSED: 'CLOSED',
  /** The peer sent something that the protocol forbids. */
  PROTOCOL_VIOLATION: 'PROTOCOL_VIOLATION',
  /** An envelope's checksum was wrong. */
  CHECKSUM_MISMATCH: 'CHECKSUM_MISMATCH',
  /** A call was asked again, over a mechanism that loses messages, after its reply had been forgotten. */
  REPLY_FORGOTTEN: 'REPLY_FORGOTTEN',
  /** The two sides speak different versions of the protocol. */
  VERSION_MISMATCH: 'VERSION_MISMATCH',
  /** Both sides know the method but disagree about its messages. */
  SCHEMA_MISMATCH: 'SCHEMA_MISMATCH',
  /** The server does not offer the service. */
  UNKNOWN_SERVICE: 'UNKNOWN_SERVICE',
  /** The server offers the service but not the method. */
  UNKNOWN_METHOD: 'UNKNOWN_METHOD',
  /** The message is larger than one side's limit. */
  MESSAGE_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  /** Metadata is over one side's limit (maxMetadataBytes). */
  METADATA_TOO_LARGE: 'METADATA_TOO_LARGE',
  /** A metadata key or value is not permitted, or is set too late. */
  BAD_METADATA: 'BAD_METADATA',
  /** The payload could not be decoded. */
  UNDECODABLE: 'UNDECODABLE',
  /** The message could not be encoded (a field has the wrong type or range). */
  UNENCODABLE: 'UNENCODABLE',
  /** The handler threw something that is not an RpcError. */
  HANDLER_FAILED: 'HANDLER_FAILED',
  /** What gives the messages of a stream failed, at the caller's side. */
  SOURCE_FAILED: 'SOURCE_FAILED',
  /** An observable gave more messages of a stream than are read, and may not drop any. */
  OVERFLOW: 'OVERFLOW',
  /** An interceptor of this side threw something that is not an RpcError. */
  INTERCEPTOR_FAILED: 'INTERCEPTOR_FAILED',
  /** The transport cannot do what was asked; the message names the capability. */
  UNSUPPORTED: 'UNSUPPORTED',
  /** No transport is registered for the URL's scheme. */
  UNKNOWN_SCHEME: 'UNKNOWN_SCHEME',
  /** The package of a known scheme is not installed. */
  PACKAGE_MISSING: 'PACKAGE_MISSING',
  /** The native addon is missing or could not be loaded. */
  ADDON_MISSING: 'ADDON_MISSING',
  /** Nobody listens at the address. */
  UNREACHABLE: 'UNREACHABLE',
  /** Somebody else listens at the address already. */
  ADDRESS_IN_USE: 'ADDRESS_IN_USE',
  /** The kernel or an `allow` rule refused. */
  NOT_ALLOWED: 'NOT_ALLOWED',
  /** A certificate is missing, or cannot be trusted; the message says which side's, and why. */
  BAD_CERTIFICATE: 'BAD_CERTIFICATE',
  /** The address cannot be understood (or is too long for the mechanism). */
  BAD_ADDRESS: 'BAD_ADDRESS',
  /** An option has a wrong type, value or name. */
  BAD_OPTION: 'BAD_OPTION',
  /** The configuration file or object has problems, all listed in the message. */
  BAD_CONFIG: 'BAD_CONFIG',
  /** A blocking call would wait for its own thread. */
  SELF_DEADLOCK: 'SELF_DEADLOCK',
  /** A guard forbids calls that block this thread: see `forbidSyncCalls`. */
  SYNC_FORBIDDEN: 'SYNC_FORBIDDEN',
  /** The worker of a pool that had the call ended: its handler ended the thread, ran out of memory, or was stuck. */
  WORKER_DIED: 'WORKER_DIED',
  /** A worker of a pool can't be started: its module, its service or its setup fails. */
  BAD_SERVICE: 'BAD_SERVICE',
  /** The server takes no more calls, since it drains or closes: another may, or its successor. */
  DRAINING: 'DRAINING',
  /** The server is at its bound of calls. */
  OVERLOADED: 'OVERLOADED',
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];
