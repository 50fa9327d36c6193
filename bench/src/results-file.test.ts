import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { merged, nameFor, type ResultsFile, readResults, textOf } from './results-file.js';
import { someResults } from './testing/some-results.js';

const all = someResults(1);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bench-results-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const only = (results: ResultsFile, ...scenarios: readonly string[]): ResultsFile => ({
  ...results,
  samples: results.samples.filter(({ scenario }) => scenarios.includes(scenario)),
});

test('results are read as they were written, to six digits', () => {
  const file = join(dir, 'results.json');
  writeFileSync(file, textOf(all));
  const read = readResults(file);
  expect(read.samples).toHaveLength(all.samples.length);
  expect({ ...read, samples: [] }).toEqual({ ...all, samples: [] });
  expect(read.samples[0]!.perSecond).toBeCloseTo(all.samples[0]!.perSecond, 0);
});

test('what is no file of results is refused with its name and what would be one', () => {
  const file = join(dir, 'results.json');
  writeFileSync(file, '{"format": 7}');
  expect(() => readResults(file)).toThrow(/results\.json is not a file of results .* `npm run bench` writes it/);
  writeFileSync(file, 'lorem');
  expect(() => readResults(file)).toThrow(/results\.json cannot be read as results of a run/);
  expect(() => readResults(join(dir, 'none.json'))).toThrow(/none\.json cannot be read/);
});

test('what is measured again takes the place of the same cells, and of their failures', () => {
  const before = { ...only(all, 'unary-sync', 'cold'), failures: ['cold shm: it ended', 'start-up shm: it ended'] };
  const sample = all.samples.find(({ scenario, subject }) => scenario === 'cold' && subject === 'shm')!;
  const added = { ...all, samples: [{ ...sample, p50Us: 7 }], failures: [] };
  const { samples, failures } = merged(before, added);
  expect(samples).toHaveLength(before.samples.length);
  expect(samples.filter(({ scenario, subject }) => scenario === 'cold' && subject === 'shm')).toEqual([
    { ...sample, p50Us: 7 },
  ]);
  expect(failures).toEqual(['start-up shm: it ended']);
});

test('results that were measured in another way are not put together', () => {
  const twice = { ...all, run: { ...all.run, rounds: 2 } };
  expect(() => merged(twice, all)).toThrow(/measured with .*"rounds":2.* give the same options/);
});

test('a second run of a day has a name of its own', () => {
  expect(nameFor(dir, all)).toBe(join(dir, '2026-01-02.json'));
  writeFileSync(join(dir, '2026-01-02.json'), '');
  expect(nameFor(dir, all)).toBe(join(dir, '2026-01-02-2.json'));
  expect(nameFor(dir, { ...all, run: { ...all.run, quick: true } })).toBe(join(dir, '2026-01-02-quick.json'));
});
