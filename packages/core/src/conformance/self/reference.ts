import { Reason, RpcError } from '../../errors/index.js';
import type { Capabilities, Direction, Transport, TransportOptions } from '../../transport/contract.js';
import type { Faults } from './faults.js';

/** What the reference transports can do; written once more, by hand, in the tests. */
export function capabilitiesOf(
  faults: Faults,
  peerDeath: boolean,
  directions: readonly Direction[] = ['duplex'],
  handles = 0,
): Capabilities {
  return {
    directions,
    delivery: 'exact',
    maxMessageBytes: 1 << 20,
    handlesPerMessage: faults.has('claims to know more than it can') ? handles + 1 : handles,
    blocking: false,
    loans: false,
    peerDeath,
    credentials: false,
    damages: false,
    addressing: 'direct',
    greeting: 'exchanged',
    confirms: false,
  };
}

export function validateOptions(options: TransportOptions): readonly string[] {
  const problems: string[] = [];
  const { maxMessageBytes = 1, allow = {}, direction: _, ...others } = options;
  if (!(Number.isInteger(maxMessageBytes) && maxMessageBytes > 0 && maxMessageBytes <= 1 << 20)) {
    problems.push(`maxMessageBytes: expected 1 to 1048576, found ${maxMessageBytes}`);
  }
  if (typeof allow !== 'object') problems.push(`allow: expected a rule, found ${allow}`);
  for (const name of Object.keys(others)) problems.push(`${name}: unknown option`);
  return problems;
}

/** Throws on wrong options, and gives the largest message. */
export function resolveLimit(options: TransportOptions, faults: Faults): number {
  const problems = validateOptions(options);
  if (problems.length > 0 && !faults.has('ignores wrong options')) {
    throw new RpcError('INVALID_ARGUMENT', problems.join('; '), { reason: Reason.BAD_OPTION });
  }
  return options.maxMessageBytes ?? 1 << 20;
}

export function refuseRules(options: TransportOptions, faults: Faults): void {
  if (options.allow === undefined || faults.has('ignores rules')) return;
  throw new RpcError('FAILED_PRECONDITION', '"allow" needs the capability "credentials", which this transport lacks', {
    reason: Reason.UNSUPPORTED,
  });
}

export function checkPatience(deadline: number, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason;
  if (deadline > performance.now()) return;
  throw new RpcError('DEADLINE_EXCEEDED', 'the deadline has passed', { reason: Reason.DEADLINE });
}

export function unreachable(url: string, cause?: unknown): RpcError {
  return new RpcError('UNAVAILABLE', `nobody listens at ${url}`, { reason: Reason.UNREACHABLE, cause });
}

export function inUse(url: string): RpcError {
  return new RpcError('ALREADY_EXISTS', `somebody listens at ${url}`, { reason: Reason.ADDRESS_IN_USE });
}

export const connectSync: Transport['connectSync'] = () => {
  throw new RpcError('FAILED_PRECONDITION', 'connectSync needs the capability "blocking", which this transport lacks', {
    reason: Reason.UNSUPPORTED,
  });
};
