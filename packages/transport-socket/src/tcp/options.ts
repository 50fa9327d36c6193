import {
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  integerBetween,
  type OptionCheck,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of `tcp:`. Those of the listening side mean nothing to the connecting one, and are ignored there. */
export interface TcpOptions extends TransportOptions {
  /** Listening side: connections that may wait to be accepted; the system has a limit of its own. @default 511 */
  readonly backlog?: number;
  /**
   * Bytes of messages that wait in this process while the peer does not read: more get "full". One message of any
   * permitted size is always taken when nothing else waits. @default 65536 (64 KiB)
   */
  readonly batchBytes?: number;
  /**
   * Bytes that the system keeps for this side in each direction, about: what was sent and is not yet taken by the peer's
   * system, and what has come and is not yet read (SO_SNDBUF, SO_RCVBUF, socket(7)). Small ones tell a sender sooner
   * that nobody reads, and bound what a peer can make the system keep. 0: the system's own choice, some MB in the end.
   * @default 0
   */
  readonly bufferBytes?: number;
  /**
   * Milliseconds without traffic until the system asks whether the peer's is still there; 0: it never asks. The system
   * counts in seconds: rounded up. @default 10000
   */
  readonly keepAliveIdleMs?: number;
  /** Milliseconds between questions that go unanswered, rounded up to seconds. @default 5000 */
  readonly keepAliveIntervalMs?: number;
  /** Unanswered questions after which the peer counts as dead. @default 3 */
  readonly keepAliveCount?: number;
  /**
   * Milliseconds for which the peer's system may leave what was sent to it unacknowledged until the peer counts as
   * dead; 0: until the system gives up by itself, some 15 minutes. A process that is stopped or busy does not count:
   * its system answers for it. @default 20000
   */
  readonly unansweredMs?: number;
}

export type ResolvedTcpOptions = Readonly<Required<Pick<TcpOptions, keyof typeof ownChecks>>> & {
  readonly maxMessageBytes: number;
};

const ownChecks = {
  backlog: integerBetween(1, 65_535),
  batchBytes: integerBetween(1024, 2 ** 30),
  bufferBytes: integerBetween(0, 2 ** 30),
  keepAliveIdleMs: integerBetween(0, 32_767_000),
  keepAliveIntervalMs: integerBetween(1, 32_767_000),
  keepAliveCount: integerBetween(1, 127),
  unansweredMs: integerBetween(0, 2 ** 31 - 1),
} satisfies Record<string, OptionCheck>;

const checks: Readonly<Record<string, OptionCheck>> = { ...commonOptionChecks, ...ownChecks };

export function tcpOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveTcpOptions(options: TcpOptions): ResolvedTcpOptions {
  refuseBadOptions('tcp', tcpOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    backlog: options.backlog ?? 511,
    batchBytes: options.batchBytes ?? 65_536,
    bufferBytes: options.bufferBytes ?? 0,
    keepAliveIdleMs: options.keepAliveIdleMs ?? 10_000,
    keepAliveIntervalMs: options.keepAliveIntervalMs ?? 5000,
    keepAliveCount: options.keepAliveCount ?? 3,
    unansweredMs: options.unansweredMs ?? 20_000,
  });
}
