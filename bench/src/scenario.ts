import type { Subject } from './subject.js';
import type { Dialogue } from './timing.js';

/** Bytes of the data in each message, there and back, where throughput is measured by size. */
export const sizes = {
  'size-0b': 0,
  'size-64b': 64,
  'size-1k': 2 ** 10,
  'size-16k': 2 ** 14,
  'size-64k': 2 ** 16,
  'size-256k': 2 ** 18,
  'size-1m': 2 ** 20,
  'size-4m': 2 ** 22,
  'size-16m': 2 ** 24,
} as const;
export type SizeScenario = keyof typeof sizes;
export const sizeScenarios = Object.keys(sizes) as readonly SizeScenario[];

/** Connections that one client has open to one server. */
export const crowds = {
  'connections-1': 1,
  'connections-16': 16,
  'connections-100': 100,
  'connections-1000': 1000,
} as const;
export type CrowdScenario = keyof typeof crowds;
export const crowdScenarios = Object.keys(crowds) as readonly CrowdScenario[];

/** In the order in which they are run and shown. */
export const scenarios = [
  'unary-sync',
  'unary-async',
  'in-flight-64',
  'in-flight-1000',
  'in-flight-64-stalled',
  'fan-in-16',
  'stream-64b',
  'stream-64k',
  ...sizeScenarios,
  'bulk-1m',
  'loan-64m',
  ...crowdScenarios,
  'start-up',
  'cold',
  'one-core',
] as const;
export type Scenario = (typeof scenarios)[number];

/** Each call blocks its thread. */
export function isSync(scenario: Scenario): boolean {
  return scenario === 'unary-sync' || scenario === 'one-core';
}

/** Calls that one client has under way at once. */
export function inFlightOf(scenario: Scenario): number {
  if (scenario === 'in-flight-1000') return 1000;
  if (scenario.startsWith('in-flight-64')) return 64;
  return scenario === 'fan-in-16' || scenario in sizes ? 4 : 1;
}

/** Client processes that call one server at once. */
export const FAN_IN = 16;

/** A stream that a scenario reads again and again: about as long as a measurement must be to be one. */
export function streamOf(scenario: Scenario): { readonly chunks: number; readonly bytes: number } | undefined {
  if (scenario === 'stream-64b') return { chunks: 20_000, bytes: 64 };
  return scenario === 'stream-64k' ? { chunks: 200, bytes: 65_536 } : undefined;
}

/** Bytes of data that a call takes there and back, where that is not the usual message. */
export function dataBytesOf(scenario: Scenario): number | undefined {
  if (scenario === 'bulk-1m') return 2 ** 20;
  return scenario in sizes ? sizes[scenario as SizeScenario] : undefined;
}

/** Room to ask for where messages are larger than what subjects take by default; else undefined. */
export function roomOf(scenario: Scenario): number | undefined {
  const bytes = dataBytesOf(scenario) ?? 0;
  return bytes >= 2 ** 22 ? bytes + 4096 : undefined;
}

/** Bytes that a call takes there in the scenario of loans. */
const LOAN_BYTES = 2 ** 26;

/** What is said where memory is lent: how much, and how much the server saw. */
export const loans: Dialogue<number, number> = {
  request: () => LOAN_BYTES,
  check(lent, seen) {
    if (lent !== seen) throw new Error(`${lent} bytes were lent, and ${seen} seen`);
  },
};

/** Whether a subject can do what a scenario asks. */
export function canRun(subject: Subject, scenario: Scenario): boolean {
  if (subject.kind === 'native') return subject.scenarios.includes(scenario);
  // Which bare mechanisms share a core with themselves is said by those who are compared to them.
  if (subject.kind === 'bare')
    return scenario === 'one-core' || (subject.scenarios ?? ['unary-sync']).includes(scenario);
  if (scenario === 'one-core') return subject.bare !== undefined;
  if (scenario === 'unary-sync') return subject.connectSync !== undefined;
  if (subject.connect === undefined) return false;
  if (scenario === 'loan-64m') return subject.lends === true;
  if (scenario === 'in-flight-64-stalled') return subject.stalls === true;
  if (scenario === 'fan-in-16' || scenario === 'start-up' || scenario === 'cold') return subject.home === 'process';
  if (scenario in crowds) return subject.crowds === true;
  if (dataBytesOf(scenario) !== undefined) return subject.bulk === true;
  return streamOf(scenario) === undefined || subject.streams === true;
}
