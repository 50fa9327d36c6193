import {
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  integerBetween,
  type OptionCheck,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of `fifo:`. */
export interface FifoOptions extends TransportOptions {
  /**
   * Permissions of the fifos that this side makes: the server's, where clients meet it (to connect takes the right to
   * write), and the two of each client, which the server must be able to open. @default 0o600
   */
  readonly mode?: number;
  /**
   * Bytes of messages that wait in this process while the peer does not read: more get "full". One message of any
   * permitted size is always taken when nothing else waits. @default 65536 (64 KiB)
   */
  readonly batchBytes?: number;
}

export type ResolvedFifoOptions = Readonly<Required<Pick<FifoOptions, 'mode' | 'batchBytes' | 'maxMessageBytes'>>>;

const permissions: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777
    ? undefined
    : 'permission bits from 0 to 0o777';

const checks: Readonly<Record<string, OptionCheck>> = {
  ...commonOptionChecks,
  mode: permissions,
  batchBytes: integerBetween(1024, 2 ** 30),
};

export function fifoOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveFifoOptions(options: FifoOptions): ResolvedFifoOptions {
  refuseBadOptions('fifo', fifoOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    mode: options.mode ?? 0o600,
    batchBytes: options.batchBytes ?? 65_536,
  });
}
