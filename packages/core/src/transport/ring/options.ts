import type { TransportOptions } from '../contract.js';
import {
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  type OptionCheck,
  oneOf,
  optionProblems,
  powerOfTwoBetween,
  refuseBadOptions,
} from '../options.js';
import { largestMessage, MAX_RING_BYTES, MIN_RING_BYTES, RECORD_HEADER_BYTES, recordBytes } from './layout.js';
import { WAIT_STRATEGIES, type WaitStrategy } from './spinner.js';

/** Options of the transports that are made of rings. */
export interface RingOptions extends TransportOptions {
  /** Bytes of each of the two rings, a power of two; the listening side's word counts. @default room for two of the largest messages: 16777216 (16 MiB), of which only what is used takes memory */
  readonly ringBytes?: number;
  /** How a thread waits: `adaptive` polls a learned while and then sleeps. @default 'adaptive' */
  readonly strategy?: WaitStrategy;
}

export type ResolvedRingOptions = Readonly<
  Required<Pick<RingOptions, 'ringBytes' | 'strategy' | 'maxMessageBytes'>> & Pick<RingOptions, 'allow'>
>;

export const ringOptionChecks: Readonly<Record<string, OptionCheck>> = {
  ...commonOptionChecks,
  ringBytes: powerOfTwoBetween(MIN_RING_BYTES, MAX_RING_BYTES),
  strategy: oneOf(WAIT_STRATEGIES),
};

/** One line per problem; `checks` when there are options beyond those of rings. */
export function ringOptionProblems(options: TransportOptions, checks = ringOptionChecks): readonly string[] {
  const problems = optionProblems(options, checks);
  const { ringBytes, maxMessageBytes } = options as RingOptions;
  if (problems.length > 0 || ringBytes === undefined || maxMessageBytes === undefined) return problems;
  const most = largestMessage(ringBytes);
  if (maxMessageBytes <= most) return problems;
  return [
    `maxMessageBytes: ${maxMessageBytes} bytes do not fit a ring of ${ringBytes} bytes, which holds at most ${most}`,
  ];
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveRingOptions(scheme: string, options: RingOptions): ResolvedRingOptions {
  refuseBadOptions(scheme, ringOptionProblems(options));
  const maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  const ringBytes = options.ringBytes ?? ringFor(maxMessageBytes);
  return Object.freeze({
    ringBytes,
    maxMessageBytes: Math.min(maxMessageBytes, largestMessage(ringBytes)),
    strategy: options.strategy ?? 'adaptive',
    ...(options.allow === undefined ? {} : { allow: options.allow }),
  });
}

/** Room for two of the largest messages, so that one can be written while the other is read. */
function ringFor(maxMessageBytes: number): number {
  return Math.min(
    MAX_RING_BYTES,
    Math.max(64 * 1024, 2 ** Math.ceil(Math.log2(2 * recordBytes(maxMessageBytes) + RECORD_HEADER_BYTES))),
  );
}
