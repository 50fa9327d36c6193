import {
  type AllowRule,
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  type Direction,
  integerBetween,
  isBoolean,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of `mq:` addresses. */
export interface MqOptions extends TransportOptions {
  /**
   * Permissions of the queues, when they are made: who may use the mailbox must be able to read and write.
   * @default 0o600
   */
  readonly mode?: number;
  /**
   * The mailbox is there without a server: what is sent is kept until one comes, as far as the queue has room. Says so
   * who makes the mailbox, client or server.
   * @default false
   */
  readonly persistent?: boolean;
  /**
   * Bytes that the mailbox takes before it is full, when it is made. Only root may exceed kernel.msgmnb.
   * @default kernel.msgmnb (16384)
   */
  readonly queueBytes?: number;
}

export interface ResolvedMqOptions {
  readonly maxMessageBytes: number;
  /** As this side sees it. */
  readonly direction: Direction;
  readonly allow: AllowRule | undefined;
  readonly mode: number;
  readonly persistent: boolean;
  readonly queueBytes: number | undefined;
}

const checks = {
  ...commonOptionChecks,
  mode: integerBetween(0, 0o777),
  persistent: isBoolean,
  queueBytes: integerBetween(256, 2 ** 31 - 1),
};

export function mqOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveMqOptions(options: MqOptions): ResolvedMqOptions {
  refuseBadOptions('mq', mqOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: Math.min(options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES, LARGEST_MQ_MESSAGE),
    direction: options.direction ?? 'duplex',
    allow: options.allow,
    mode: options.mode ?? 0o600,
    persistent: options.persistent ?? false,
    queueBytes: options.queueBytes,
  });
}

/** More would be so many parts that they had no number each. */
export const LARGEST_MQ_MESSAGE = 64 * 1024 * 1024;
