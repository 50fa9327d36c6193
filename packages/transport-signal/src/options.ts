import {
  commonOptionChecks,
  integerBetween,
  type Notification,
  type OptionCheck,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';
import type { AnnouncedSignal } from './announcement.js';
import { describeSignal, isRealTime, type RealTimeRange, SIGNAL_WORDS, signalNumber } from './numbers.js';

/** Options of `signal:`. Those of the receiving side mean nothing to the sending one, and are ignored there. */
export interface SignalOptions extends TransportOptions {
  /**
   * Receiving side: the signals of methods, by name or path: `{ Ring: 'SIGUSR2', 'house.Bell/Visit': 'SIGRTMIN+4' }`.
   * Regular signals merge and carry no value. @default as the .proto says (`callgate.signal`), else `firstSignal` and
   * those after it, in the order of declaration
   */
  readonly signals?: Readonly<Record<string, string>>;
  /** Receiving side: the signal of the first method. @default 'SIGRTMIN' */
  readonly firstSignal?: string;
  /** Receiving side: permission bits of the announcement; sending takes the right to read it. @default 0o600 */
  readonly mode?: number;
}

export interface ResolvedSignalOptions {
  readonly signals: Readonly<Record<string, string>>;
  readonly firstSignal: string;
  readonly mode: number;
}

/** As wide as any C library's: which of them there are is seen when the addon tells. */
const widest: RealTimeRange = { first: 32, last: 64 };

const isSignal = (value: unknown): value is string =>
  typeof value === 'string' && signalNumber(value, widest) !== undefined;

const isSignalMap: OptionCheck = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isSignal)
    ? undefined
    : `an object of method names and their signals, each ${SIGNAL_WORDS}`;

const isFirstSignal: OptionCheck = (value) =>
  isSignal(value) && isRealTime(signalNumber(String(value), widest) ?? 0, widest)
    ? undefined
    : 'a real-time signal, such as SIGRTMIN+8';

const checks: Readonly<Record<string, OptionCheck>> = {
  ...commonOptionChecks,
  signals: isSignalMap,
  firstSignal: isFirstSignal,
  mode: integerBetween(0, 0o777),
};

/** One line per problem. */
export function signalOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveSignalOptions(options: SignalOptions): ResolvedSignalOptions {
  refuseBadOptions('signal', signalOptionProblems(options));
  return Object.freeze({
    signals: options.signals ?? {},
    firstSignal: options.firstSignal ?? 'SIGRTMIN',
    mode: options.mode ?? 0o600,
  });
}

/** Gives each method its signal. Throws INVALID_ARGUMENT (BAD_OPTION) with all that does not fit. */
export function assignSignals(
  notifications: readonly Notification[],
  { signals, firstSignal }: ResolvedSignalOptions,
  range: RealTimeRange,
): readonly AnnouncedSignal[] {
  const problems: string[] = [];
  const byNumber = new Map<number, string>();
  const unused = new Set(Object.keys(signals));
  const assigned = notifications.map(({ path, value, choice }, place): AnnouncedSignal => {
    const key = Object.hasOwn(signals, path) ? path : path.slice(path.lastIndexOf('/') + 1);
    const overridden = Object.hasOwn(signals, key);
    if (overridden) unused.delete(key);
    const chosen = overridden ? signals[key] : choice;
    if (chosen !== undefined && !isSignal(chosen)) {
      problems.push(`${path}: its option (callgate.signal) is "${chosen}": expected ${SIGNAL_WORDS}`);
      return { path, value, signal: 0 };
    }
    const signal =
      chosen === undefined ? (signalNumber(firstSignal, range) ?? 99) + place : signalNumber(chosen, range);
    if (signal === undefined || signal > range.last) {
      const wish = chosen ?? `signal ${signal}, number ${place + 1} from ${firstSignal} on`;
      problems.push(`${path}: there is no ${wish}; the last real-time signal is SIGRTMAX (${range.last})`);
      return { path, value, signal: 0 };
    }
    const words = describeSignal(signal, range);
    const other = byNumber.get(signal);
    if (other !== undefined) problems.push(`${path}: ${words} is the signal of ${other} already`);
    if (value !== undefined && !isRealTime(signal, range)) {
      problems.push(`${path}: its request has a value, and ${words} is a regular signal, which carries none`);
    }
    byNumber.set(signal, path);
    return { path, value, signal };
  });
  for (const name of unused) {
    problems.push(`signals: there is no method ${name}; there are ${notifications.map(({ path }) => path).join(', ')}`);
  }
  refuseBadOptions('signal', problems);
  return assigned;
}
