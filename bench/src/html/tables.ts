import { duration, figure } from '../format.js';
import { partsOf } from '../goals/describe.js';
import type { Outcome } from '../goals/judge.js';
import type { Row } from '../results.js';
import { scenarios } from '../scenario.js';
import { escaped } from './chart.js';
import type { Model } from './model.js';

/** Goals of which something was measured, and whether they were met. */
export function goalsTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes
    .filter(({ measured }) => measured)
    .map(
      (outcome) =>
        `<tr class="${outcome.met ? 'met' : 'missed'}"><td>${outcome.met ? '✓ met' : '✗ missed'}</td>` +
        `<td>${escaped(outcome.goal.title)}</td><td>${escaped(partsOf(outcome))}</td></tr>`,
    );
  return `<table><thead><tr><th></th><th>goal</th><th>measured</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

/** All numbers, scenario by scenario, folded away. */
export function numberTables(model: Model): string {
  return scenarios
    .map((scenario) => [scenario, model.rowsOf(scenario)] as const)
    .filter(([, rows]) => rows.length > 0)
    .map(
      ([scenario, rows]) =>
        `<details><summary>${scenario}</summary><div class="wide">${table(model, rows)}</div></details>`,
    )
    .join('\n');
}

function table(model: Model, rows: readonly Row[]): string {
  const crowded = rows.some(({ crowd }) => crowd !== undefined);
  const head = ['subject', 'p50', 'p99', 'p99.9', 'calls/s', 'CPU per call', 'MiB'];
  if (crowded) head.push('idle ticks, client', 'server', 'private KiB, client', 'server', 'shared KiB');
  const body = rows
    .toSorted((a, b) => b.perSecond - a.perSecond)
    .map((row) => {
      const cells = [
        duration(row.p50Us),
        duration(row.p99Us),
        duration(row.p999Us),
        figure(Math.round(row.perSecond)),
        duration(row.cpuUsPerCall),
        figure(row.rssMiB),
      ];
      const { crowd } = row;
      const kib = (value: number | null) => (value === null ? '' : figure(value));
      if (crowded && crowd !== undefined) {
        const { clientTicks, serverTicks, clientKiB, serverKiB, sharedKiB } = crowd;
        cells.push(figure(clientTicks), figure(serverTicks), kib(clientKiB), kib(serverKiB), kib(sharedKiB));
      }
      const about = escaped(model.subject(row.subject).about);
      return `<tr><th scope="row" title="${about}">${escaped(row.subject)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
    });
  const titles = head.map((title) => `<th>${title}</th>`).join('');
  return `<table class="numbers"><thead><tr>${titles}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}
