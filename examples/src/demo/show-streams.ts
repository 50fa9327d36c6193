import { drawTable, figure, styled } from '@callgate/bench';
import { streamMethods } from './report.js';
import type { StreamRow } from './stages.js';

/** The table of the streams, one group of lines per transport, and below it why some have none. */
export function streamsTable(rows: readonly StreamRow[]): string {
  const peer = rows.find(({ kind }) => kind === 'peer');
  const transports = [...new Set(rows.map(({ transport }) => transport))];
  const groups = transports.map((transport) => {
    const mine = rows.filter((row) => row.transport === transport);
    if (mine.every(({ why }) => why !== null)) return [[transport, 'no streams, see below']];
    return mine.map((row, i) => {
      const figures = streamMethods.map((method) => figure(Math.round(row.perSecond[method] ?? Number.NaN)));
      const against = row.kind === 'peer' || !peer ? '' : factors(row, peer);
      const cells = [i === 0 ? transport : '', row.mode, ...figures, against];
      return row.kind === 'callgate' ? cells : cells.map((cell) => styled('dim', cell));
    });
  });
  const head = ['transport', 'mode', '>cities in a box/s', '>points of a route/s', '>nearest on the way/s'];
  return [drawTable([...head, '>against gRPC-js'], groups), ...reasons(rows)].join('\n');
}

function factors({ perSecond }: StreamRow, peer: StreamRow): string {
  const times = streamMethods.map(
    (method) => (perSecond[method] ?? Number.NaN) / (peer.perSecond[method] ?? Number.NaN),
  );
  return `${times.map(figure).join(', ')} ×`;
}

/** Each reason once: it is the same in both modes. */
function reasons(rows: readonly StreamRow[]): string[] {
  return [...new Set(rows.flatMap(({ why }) => why ?? []))].map((why) => styled('dim', why));
}
