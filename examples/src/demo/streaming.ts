import { isDeepStrictEqual } from 'node:util';
import { Reason, RpcError } from 'callgate';
import type { Box, City, Length, Point } from '../gen/geo.js';
import { canonical } from './questions.js';
import { print, type StreamMethod } from './report.js';
import type { Tour } from './tour.js';

/** The methods that stream, as a caller has them who blocks. */
export interface SyncStreams {
  citiesIn(box: Box): Iterable<City>;
  routeLength(points: Iterable<Point>): Length;
  nearestWhile(points: Iterable<Point>): Iterable<City>;
}

/** The same for a caller who awaits. */
export interface AsyncStreams {
  citiesIn(box: Box): AsyncIterable<City>;
  routeLength(points: Iterable<Point>): Promise<Length>;
  nearestWhile(points: Iterable<Point>): AsyncIterable<City>;
}

/** What came of a tour. */
export type Souvenirs = Pick<Tour, 'cities' | 'length' | 'nearest'>;

/** What streams all of a tour once by one method, and gives what came. */
interface Rounds {
  readonly citiesIn: () => City[] | Promise<City[]>;
  readonly routeLength: () => Length[] | Promise<Length[]>;
  readonly nearestWhile: () => City[] | Promise<City[]>;
}

/** Takes the tour for a time by each method, blocking, and prints reports. Undefined where streams can't be had. */
export function tourBlocking(service: SyncStreams, tour: Tour, seconds: number): Promise<Souvenirs | undefined> {
  const { boxes, route, places } = tour;
  const rounds: Rounds = {
    citiesIn: () => boxes.flatMap((box) => [...service.citiesIn(box)]),
    routeLength: () => [service.routeLength(route)],
    nearestWhile: () => [...service.nearestWhile(places)],
  };
  return take('sync', rounds, tour, seconds);
}

/** The same, awaiting. */
export function tourAwaiting(service: AsyncStreams, tour: Tour, seconds: number): Promise<Souvenirs | undefined> {
  const { boxes, route, places } = tour;
  const rounds: Rounds = {
    citiesIn: async () => {
      const found: City[] = [];
      for (const box of boxes) for await (const city of service.citiesIn(box)) found.push(city);
      return found;
    },
    routeLength: async () => [await service.routeLength(route)],
    nearestWhile: async () => {
      const passed: City[] = [];
      for await (const city of service.nearestWhile(places)) passed.push(city);
      return passed;
    },
  };
  return take('async', rounds, tour, seconds);
}

async function take(mode: string, rounds: Rounds, tour: Tour, seconds: number): Promise<Souvenirs | undefined> {
  async function stream<T>(
    method: StreamMethod,
    round: () => T[] | Promise<T[]>,
    expected: readonly T[],
    itemsPerRound: number,
  ): Promise<T[]> {
    // The first round is for warming up, and is not measured.
    const first = await round();
    const differences = differencesOf(first, expected);
    let rounds = 0;
    let spentMs = 0;
    while (spentMs < seconds * 1000) {
      const begun = performance.now();
      const came = await round();
      // Comparing takes its time, too, which is nobody's speed.
      spentMs += performance.now() - begun;
      rounds++;
      if (differences.length === 0) differences.push(...differencesOf(came, expected));
    }
    const perSecond = (rounds * itemsPerRound * 1000) / spentMs;
    print({ kind: 'streamed', mode, method, items: (rounds + 1) * itemsPerRound, perSecond, differences });
    return first;
  }

  try {
    const cities = await stream('citiesIn', rounds.citiesIn, tour.cities, tour.cities.length);
    const [length] = await stream('routeLength', rounds.routeLength, [tour.length], tour.route.length);
    const nearest = await stream('nearestWhile', rounds.nearestWhile, tour.nearest, tour.places.length);
    return { cities, length: length!, nearest };
  } catch (error) {
    if (!RpcError.is(error) || error.reason !== Reason.UNSUPPORTED) throw error;
    print({ kind: 'streamless', mode, why: error.message });
    return undefined;
  }
}

/** The first few messages that are not as expected. */
function differencesOf(came: readonly unknown[], expected: readonly unknown[]): string[] {
  // The quick look first. What only looks different, as gRPC's numbers do that are strings, is told by the slow one.
  if (isDeepStrictEqual(came, expected)) return [];
  const differences: string[] = [];
  for (let i = 0; i < Math.max(came.length, expected.length) && differences.length < 3; i++) {
    const [found, wanted] = [canonical(came[i]), canonical(expected[i])];
    if (found !== wanted) differences.push(`message ${i} of a stream: expected ${wanted}, got ${found}`);
  }
  return differences;
}
