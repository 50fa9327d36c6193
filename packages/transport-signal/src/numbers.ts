import { constants } from 'node:os';

/** The first and the last real-time signal, as the C library has them: it keeps some of the kernel's for itself. */
export interface RealTimeRange {
  readonly first: number;
  readonly last: number;
}

/** Regular signals that may be taken: nothing in Node or the C library depends on them. */
const regular: Readonly<Record<string, number>> = {
  SIGHUP: constants.signals.SIGHUP,
  SIGUSR2: constants.signals.SIGUSR2,
  SIGURG: constants.signals.SIGURG,
  SIGWINCH: constants.signals.SIGWINCH,
};

export const SIGNAL_WORDS = `SIGRTMIN, SIGRTMIN+n (or RT+n), SIGRTMAX-n, ${Object.keys(regular).join(', ')}, or the number of one of these`;

/** The number of `SIGRTMIN+2`, `RT+2`, `36` or `SIGUSR2`; undefined for what is no signal that may be taken. */
export function signalNumber(name: string, range: RealTimeRange): number | undefined {
  if (Object.hasOwn(regular, name)) return regular[name];
  const { first, last } = range;
  const [, digits, base, distance] = /^(?:([1-9]\d?)|(?:SIGRT(MIN|MAX)|RT(?=\+))([+-]\d{1,2})?)$/.exec(name) ?? [];
  if (digits !== undefined) return isNotifying(Number(digits), range) ? Number(digits) : undefined;
  if (base === undefined && distance === undefined) return undefined;
  const number = (base === 'MAX' ? last : first) + Number(distance ?? 0);
  return number >= first && number <= last ? number : undefined;
}

/** `SIGRTMIN+2 (36)`, `SIGUSR2 (12)` */
export function describeSignal(number: number, { first, last }: RealTimeRange): string {
  if (number >= first && number <= last) return `SIGRTMIN${number === first ? '' : `+${number - first}`} (${number})`;
  const [name] = Object.entries(constants.signals).find(([, known]) => known === number) ?? ['signal'];
  return `${name} (${number})`;
}

/** Whether somebody may be notified by it: whatever an announcement says, nobody is to be sent SIGKILL. */
export function isNotifying(number: number, range: RealTimeRange): boolean {
  return (number >= range.first && number <= range.last) || Object.values(regular).includes(number);
}

export function isRealTime(number: number, { first }: RealTimeRange): boolean {
  return number >= first;
}
