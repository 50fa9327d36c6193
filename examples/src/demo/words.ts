import type { City, Length, LookUpReply, NearestReply, StatisticsReply } from '../gen/geo.js';

/** The spot of the oceans that is farthest from land. */
export const pointNemo = { latitude: -48.8767, longitude: -123.3933 };

const countryNames = new Intl.DisplayNames('en', { type: 'region' });

function country(code: string): string {
  return countryNames.of(code) ?? code;
}

function count(number: number | bigint): string {
  return number.toLocaleString('en-US');
}

function placed(city: City | undefined): string {
  return city ? `${city.name} (${country(city.country)}, ${count(city.population)} people)` : 'none';
}

export function sayCitiesOf(name: string, { cities }: LookUpReply): string {
  return `${count(cities.length)} places are called ${name}; the largest is ${placed(cities[0])}.`;
}

export function sayNearest(where: string, { neighbours }: NearestReply): string {
  const each = neighbours.map(({ city, distanceKm }) => {
    return `${city?.name} (${country(city?.country ?? '')}), ${count(Math.round(distanceKm))} km`;
  });
  return `Nearest to ${where}: ${each.join('; ')}.`;
}

export function sayStatistics(code: string, reply: StatisticsReply): string {
  const millions = [...reply.bySize].filter(([size]) => size === '1M' || size === '10M');
  const large = millions.reduce((sum, [, cities]) => sum + cities, 0);
  const which = large === 0 ? 'none of them with a million' : `${count(large)} of them with a million or more`;
  return (
    `${country(code)}: ${count(reply.cities)} cities with ${count(reply.population)} people, ${which}; ` +
    `the largest is ${reply.largest?.name}, the northernmost ${reply.northernmost?.name}.`
  );
}

export function sayCitiesIn(where: string, cities: readonly City[]): string {
  const largest = cities.reduce((a, b) => (b.population > a.population ? b : a));
  return `${where} has ${count(cities.length)} cities in ${new Set(cities.map((city) => city.country)).size} countries; the largest is ${placed(largest)}.`;
}

/** Stops by name; the nearest cities on the way, in their order. */
export function sayJourney(stops: readonly string[], { km, points }: Length, nearest: readonly City[]): string {
  const passed = nearest.filter((city, i) => city.id !== nearest[i - 1]?.id);
  return (
    `From ${stops[0]} to ${stops.at(-1)} by way of ${stops.slice(1, -1).join(', ')}: ${count(Math.round(km))} km in ` +
    `${count(points)} steps, past ${count(passed.length)} cities, ${passed[1]?.name} first and ${passed.at(-2)?.name} last.`
  );
}
