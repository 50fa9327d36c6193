import { Reason, RpcError } from '../errors/index.js';
import type { AllowRule, Credentials, TransportOptions } from './contract.js';

/** Says what was expected, in words, when the value is not that. */
export type OptionCheck = (value: unknown) => string | undefined;

export const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export function integerBetween(least: number, most: number): OptionCheck {
  return (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `a whole number from ${least} to ${most}`;
}

export function powerOfTwoBetween(least: number, most: number): OptionCheck {
  const inRange = integerBetween(least, most);
  return (value) =>
    inRange(value) === undefined && Number.isInteger(Math.log2(value as number))
      ? undefined
      : `a power of two from ${least} to ${most}`;
}

export function oneOf(words: readonly string[]): OptionCheck {
  return (value) => (words.includes(value as string) ? undefined : `one of ${words.join(', ')}`);
}

export const isBoolean: OptionCheck = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

const isIdList = (value: unknown): boolean =>
  value === undefined || [value].flat().every((id) => Number.isInteger(id) && (id as number) >= 0);

export const isAllowRule: OptionCheck = (value) => {
  const expected = 'an object with uid and/or gid, each a number or a list of numbers';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return expected;
  const { uid, gid, ...others } = value as Record<string, unknown>;
  return Object.keys(others).length === 0 && isIdList(uid) && isIdList(gid) ? undefined : expected;
};

/** The checks of the options that every transport understands. */
export const commonOptionChecks: Readonly<Record<string, OptionCheck>> = {
  maxMessageBytes: integerBetween(64, 2 ** 30),
  allow: isAllowRule,
  direction: oneOf(['send', 'receive', 'duplex']),
};

/** One line per problem: `ringBytes: expected a power of two from 4096 to 1073741824, found 1000`. */
export function optionProblems(
  options: TransportOptions,
  checks: Readonly<Record<string, OptionCheck>>,
): readonly string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      problems.push(`${name}: unknown option; known are ${Object.keys(checks).sort().join(', ')}`);
    } else if (value !== undefined) {
      const expected = checks[name]?.(value);
      if (expected !== undefined)
        problems.push(`${name}: expected ${expected}, found ${JSON.stringify(value) ?? String(value)}`);
    }
  }
  return problems;
}

/** Throws INVALID_ARGUMENT (BAD_OPTION) with all problems. */
export function refuseBadOptions(scheme: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new RpcError('INVALID_ARGUMENT', `bad options of the ${scheme}: transport: ${problems.join('; ')}`, {
    reason: Reason.BAD_OPTION,
    failed: 'channel',
  });
}

/** The error for a peer that `allow` does not let in, or undefined. */
export function refusal(allow: AllowRule | undefined, peer: Credentials, address: string): RpcError | undefined {
  if (allow === undefined) return undefined;
  for (const kind of ['uid', 'gid'] as const) {
    const allowed = allow[kind];
    const found = peer[kind];
    if (allowed !== undefined && (found === undefined || ![allowed].flat().includes(found))) {
      return new RpcError(
        'PERMISSION_DENIED',
        `${kind} ${found ?? 'unknown'} (process ${peer.pid}) is not allowed to connect to ${address}`,
        { reason: Reason.NOT_ALLOWED, failed: 'channel' },
      );
    }
  }
  return undefined;
}
