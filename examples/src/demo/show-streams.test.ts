import { expect, test } from 'vitest';
import { streamsTable } from './show-streams.js';
import type { StreamRow } from './stages.js';

const line: StreamRow = {
  transport: 'shm:',
  mode: 'sync',
  kind: 'callgate',
  perSecond: { citiesIn: 400_000, routeLength: 900_000, nearestWhile: 80_000 },
  items: 1000,
  differences: [],
  why: null,
};
const peer: StreamRow = {
  ...line,
  transport: 'gRPC-js',
  mode: 'async',
  kind: 'peer',
  perSecond: { citiesIn: 40_000, routeLength: 30_000, nearestWhile: 10_000 },
};
const why = "geo.Geo/CitiesIn: it is server-streaming, which the transport of mq:box can't carry";
const without: StreamRow = { ...line, transport: 'mq:', perSecond: {}, items: 0, why };

test('the table has the messages per second of each method, and how many times those of gRPC-js they are', () => {
  const table = streamsTable([line, { ...line, mode: 'async' }, peer]);
  expect(table).toMatch(/│ shm: +│ sync +│ +400,000 │ +900,000 │ +80,000 │ +10, 30, 8 × │/);
  expect(table).toMatch(/│ +│ async +│ +400,000 │/);
  expect(table).toMatch(/│ gRPC-js +│ async +│ +40,000 │ +30,000 │ +10,000 │ +│/);
});

test('a transport without streams says so in words, and once below the table why', () => {
  const table = streamsTable([line, without, { ...without, mode: 'async' }, peer]);
  expect(table).toMatch(/│ mq: +│ no streams, see below │ +│ +│ +│ +│/);
  expect(table.split(why)).toHaveLength(2);
  expect(table.endsWith(why)).toBe(true);
});
