import {
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  integerBetween,
  type OptionCheck,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of `pipe:`. */
export interface PipeOptions extends TransportOptions {
  /**
   * Bytes of messages that wait in this process while the peer does not read: more get "full". One message of any
   * permitted size is always taken when nothing else waits. @default 65536 (64 KiB)
   */
  readonly batchBytes?: number;
}

export type ResolvedPipeOptions = Readonly<Required<Pick<PipeOptions, 'batchBytes' | 'maxMessageBytes'>>>;

const checks: Readonly<Record<string, OptionCheck>> = {
  ...commonOptionChecks,
  batchBytes: integerBetween(1024, 2 ** 30),
};

export function pipeOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolvePipeOptions(options: PipeOptions): ResolvedPipeOptions {
  refuseBadOptions('pipe', pipeOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    batchBytes: options.batchBytes ?? 65_536,
  });
}
