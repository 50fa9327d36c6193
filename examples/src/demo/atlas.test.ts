import { expect, test } from 'vitest';
import { openAtlas, sizeClass } from './atlas.js';

const atlas = openAtlas();

test('the data set has more than 100,000 cities', () => {
  expect(atlas.size).toBeGreaterThan(100_000);
});

test('a name is found whatever its case, the most populous city first', () => {
  const [first, second, ...more] = atlas.lookUp('sPRINGfield', 3);
  expect(first?.name).toBe('Springfield');
  expect(first!.population).toBeGreaterThan(second!.population);
  expect(more.length).toBe(1);
  expect(atlas.lookUp('Atlantis on Sea', 3)).toEqual([]);
});

test('the nearest cities are those that a search of all finds', () => {
  // Across the date line, at a pole, and in the middle of a continent.
  const points = [
    { latitude: -17, longitude: 179.9 },
    { latitude: 90, longitude: 0 },
    { latitude: 47, longitude: 8 },
  ];
  const everywhere = atlas.nearest({ latitude: 0, longitude: 0 }, atlas.size).map(({ city }) => city);
  expect(everywhere.length).toBe(atlas.size);
  for (const point of points) {
    const distances = everywhere.map(({ location }) => kilometres(point, location!)).sort((a, b) => a - b);
    const found = atlas.nearest(point, 5).map(({ distanceKm }) => distanceKm);
    for (const [i, distanceKm] of found.entries()) expect(distanceKm).toBeCloseTo(distances[i]!, 3);
  }
});

test('a box has the cities that a search of all finds, also across the date line', () => {
  const everywhere = atlas.nearest({ latitude: 0, longitude: 0 }, atlas.size).map(({ city }) => city);
  const found = (south: number, west: number, north: number, east: number) =>
    atlas.citiesIn({
      southwest: { latitude: south, longitude: west },
      northeast: { latitude: north, longitude: east },
    });
  const ids = (cities: readonly { id: number }[]) => cities.map(({ id }) => id).sort((a, b) => a - b);
  const wanted = (inside: (latitude: number, longitude: number) => boolean) =>
    ids(everywhere.filter(({ location }) => inside(location!.latitude, location!.longitude)));

  expect(ids(found(-90, -180, 90, 180))).toEqual(wanted(() => true));
  expect(ids(found(46, 6, 48, 10))).toEqual(wanted((lat, lon) => lat >= 46 && lat <= 48 && lon >= 6 && lon <= 10));
  const pacific = found(-20, 176, -12, -170);
  expect(ids(pacific)).toEqual(wanted((lat, lon) => lat >= -20 && lat <= -12 && (lon >= 176 || lon <= -170)));
  expect(new Set(pacific.map(({ country }) => country))).toEqual(new Set(['FJ', 'TO', 'WF', 'WS', 'AS']));
  const names = pacific.map(({ name }) => name);
  expect(names).toEqual(atlas.names.filter((name) => names.includes(name)).slice(0, names.length));
  expect(found(-50, -126, -46, -120)).toEqual([]);
});

test("a country's statistics agree with its cities", () => {
  const cities = atlas.nearest({ latitude: 0, longitude: 0 }, atlas.size).map(({ city }) => city);
  const ours = cities.filter(({ country }) => country === 'NO');
  const { largest, northernmost, ...sums } = atlas.statistics('NO')!;
  expect(sums.cities).toBe(ours.length);
  expect(sums.population).toBe(ours.reduce((sum, { population }) => sum + population, 0n));
  expect(largest?.name).toBe('Oslo');
  expect(northernmost?.location?.latitude).toBe(Math.max(...ours.map(({ location }) => location!.latitude)));
  expect([...sums.bySize.values()].reduce((sum, count) => sum + count, 0)).toBe(ours.length);
  expect(atlas.statistics('ZZ')).toBeUndefined();
});

test('a size class begins at its own number', () => {
  expect([0n, 999n, 1000n, 9999n, 10_000n, 100_000n, 1_000_000n, 10_000_000n].map(sizeClass)).toEqual([
    ...['<1k', '<1k', '1k', '1k', '10k', '100k', '1M', '10M'],
  ]);
});

/** Great-circle distance by unit vectors: another road to it than the one under test. */
function kilometres(a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }): number {
  const vector = ({ latitude, longitude }: typeof a) => {
    const [lat, lon] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
    return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)] as const;
  };
  const [p, q] = [vector(a), vector(b)];
  const chord = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  return 2 * 6371 * Math.asin(Math.min(1, chord / 2));
}
