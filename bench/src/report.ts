import type { IdleRow } from './figures/idle.js';
import { type OneCoreRow, oneCoreGoal } from './figures/one-core.js';
import type { SyscallRow } from './figures/syscalls.js';
import { duration, figure, styled } from './format.js';
import { partsOf } from './goals/describe.js';
import type { Outcome } from './goals/judge.js';
import type { NotifyRow } from './notify/notify.js';
import type { Row } from './results.js';
import { scenarios } from './scenario.js';
import { subjectNamed } from './subjects/index.js';
import { drawTable } from './table.js';

const heading = (text: string) => styled('bold', text);
const head = ['subject', '>p50', '>p99', '>p99.9', '>calls/s', '>CPU per call', '>MiB', ''];

/** One table per scenario, the quickest first. */
export function tables(rows: readonly Row[]): string {
  return scenarios
    .map((scenario) => [scenario, rows.filter((row) => row.scenario === scenario)] as const)
    .filter(([, found]) => found.length > 0)
    .map(([scenario, found]) => `${heading(scenario)}\n${table(found)}`)
    .join('\n\n');
}

function table(rows: readonly Row[]): string {
  const cells = rows
    .toSorted((a, b) => b.perSecond - a.perSecond)
    .map((row) => [
      row.subject,
      duration(row.p50Us),
      duration(row.p99Us),
      duration(row.p999Us),
      figure(Math.round(row.perSecond)),
      duration(row.cpuUsPerCall),
      figure(row.rssMiB),
      subjectNamed(row.subject).about,
    ]);
  return drawTable(head, [cells]);
}

/** Goals and what was measured, one per line. Goals of which nothing was measured are left out. */
export function goalLines(outcomes: readonly Outcome[]): string {
  const measured = outcomes.filter((outcome) => outcome.measured);
  if (measured.length === 0) return '';
  const lines = measured.map((outcome) => `  ${verdict(outcome.met)}  ${outcome.goal.title}: ${partsOf(outcome)}`);
  return [heading('goals'), ...lines].join('\n');
}

/** Ticks that idle clients and servers used. */
export function idleLines(rows: readonly IdleRow[]): string {
  const lines = rows.map(({ subject, mode, seconds, clientTicks, serverTicks, met }) => {
    const server = serverTicks === null ? 'server in the same process' : `server ${serverTicks}`;
    return `  ${verdict(met)}  ${subject}, ${mode}: client ${clientTicks}, ${server} (${seconds} s; goal at most 1 each)`;
  });
  return [heading('idle, in CPU ticks of 10 ms'), ...lines].join('\n');
}

/** System calls of client and server over many blocking calls. */
export function syscallLines(rows: readonly SyscallRow[]): string {
  const lines = rows.map(({ subject, calls, syscalls, commonest, met }) => {
    const what = commonest.length === 0 ? '' : `: ${commonest.join(', ')}`;
    const counted = `${figure(syscalls)} over ${figure(calls)} calls (goal below 1,000)${what}`;
    return `  ${verdict(met)}  ${subject}: ${counted}`;
  });
  return [heading('system calls once warm, client and server'), ...lines].join('\n');
}

/** Means of blocking calls and of bare round trips, client and server on one core. */
export function oneCoreLines(rows: readonly OneCoreRow[]): string {
  const cells = rows.map(({ subject, meanUs, bareMeanUs, ratio, met }) => [
    subject,
    duration(meanUs),
    duration(bareMeanUs),
    figure(ratio),
    `${verdict(met)}  goal at most ${oneCoreGoal}`,
    subjectNamed(subject).about,
  ]);
  const titles = ['subject', '>mean', '>mean of bare C', '>ratio', '', ''];
  return `${heading('unary-sync, client and server on one core')}\n${drawTable(titles, [cells])}`;
}

/** Notifications one after the other, one way. */
export function notifyLines(rows: readonly NotifyRow[]): string {
  const cells = rows.map(({ subject, p50Us, p99Us, perSecond, about }) => [
    subject,
    duration(p50Us),
    duration(p99Us),
    figure(Math.round(perSecond)),
    about,
  ]);
  return `${heading('notifications, one way, all received in order')}\n${drawTable(['subject', '>p50', '>p99', '>per second', ''], [cells])}`;
}

function verdict(met: boolean): string {
  return met ? styled('green', 'met   ') : styled('red', 'missed');
}
