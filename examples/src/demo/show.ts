import { drawTable, duration, figure, type NotifyRow, styled } from '@callgate/bench';
import type { Row } from './stages.js';

/** The table that the demo ends with, one group of lines per transport. */
export function tableOf(rows: readonly Row[]): string {
  const peers = rows.filter(({ kind }) => kind === 'peer');
  const transports = [...new Set(rows.map(({ transport }) => transport))];
  const groups = transports.map((transport) =>
    rows
      .filter((row) => row.transport === transport)
      .map((row, i) => {
        const cells = [
          i === 0 ? transport : '',
          row.mode,
          figure(row.calls),
          duration(row.p50Us),
          duration(row.p99Us),
          figure(Math.round(row.perSecond)),
          row.kind === 'peer' ? '' : factor(row, peers),
        ];
        return row.kind === 'callgate' ? cells : cells.map((cell) => styled('dim', cell));
      }),
  );
  return drawTable(['transport', 'mode', '>calls', '>p50', '>p99', '>calls/s', '>against gRPC-js'], groups);
}

/** The lines of those that are not answered. */
export function notifiedTable(rows: readonly NotifyRow[]): string {
  const cells = rows.map(({ subject, about, calls, p50Us, p99Us, perSecond }) => [
    subject,
    about,
    figure(calls),
    duration(p50Us),
    duration(p99Us),
    figure(Math.round(perSecond)),
  ]);
  return drawTable(['over', '', '>calls', '>p50', '>p99', '>calls/s'], [cells]);
}

function factor(row: Row, peers: readonly Row[]): string {
  // A call at a time is compared by its time, whether it blocks or not; many in flight, by how many get through.
  const many = row.mode.includes('in flight');
  const peer = peers.find(({ mode }) => mode.includes('in flight') === many);
  if (!peer) return '';
  const times = many ? row.perSecond / peer.perSecond : peer.p50Us / row.p50Us;
  return `${figure(times)} ×`;
}
