import {
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  integerBetween,
  type OptionCheck,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of `unix:`. Those of the listening side mean nothing to the connecting one, and are ignored there. */
export interface UnixOptions extends TransportOptions {
  /** Listening side: permissions of the socket file; to connect takes the right to write. @default 0o600 */
  readonly mode?: number;
  /** Listening side: connections that may wait to be accepted; the system has a limit of its own. @default 511 */
  readonly backlog?: number;
  /**
   * Bytes of messages that wait in this process while the peer does not read: more get "full". One message of any
   * permitted size is always taken when nothing else waits. @default 65536 (64 KiB)
   */
  readonly batchBytes?: number;
}

export type ResolvedUnixOptions = Readonly<
  Required<Pick<UnixOptions, 'mode' | 'backlog' | 'batchBytes' | 'maxMessageBytes'>> & Pick<UnixOptions, 'allow'>
>;

const permissions: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777
    ? undefined
    : 'permission bits from 0 to 0o777';

const checks: Readonly<Record<string, OptionCheck>> = {
  ...commonOptionChecks,
  mode: permissions,
  backlog: integerBetween(1, 65_535),
  batchBytes: integerBetween(1024, 2 ** 30),
};

export function unixOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveUnixOptions(options: UnixOptions): ResolvedUnixOptions {
  refuseBadOptions('unix', unixOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    mode: options.mode ?? 0o600,
    backlog: options.backlog ?? 511,
    batchBytes: options.batchBytes ?? 65_536,
    ...(options.allow === undefined ? {} : { allow: options.allow }),
  });
}
