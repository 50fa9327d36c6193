import type { City, Length, Point } from '../gen/geo.js';
import { type Atlas, type Corners, kilometres } from './atlas.js';

/** What the streams of the demo carry, the same for everybody, with the answers that the client's own index gives. */
export interface Tour {
  /** A small one, one across the date line, one of nothing but sea, and a large one. */
  readonly boxes: readonly Corners[];
  /** The cities of each box, one box after the other. */
  readonly cities: readonly City[];
  /** How many of them are in the first box. */
  readonly first: number;
  /** Names of cities, in the order of the journey. */
  readonly stops: readonly string[];
  readonly route: readonly Point[];
  readonly length: Length;
  /** Some points of the route, and the city nearest to each. */
  readonly places: readonly Point[];
  readonly nearest: readonly City[];
}

const stops = ['Lisbon', 'Madrid', 'Paris', 'Vienna', 'Istanbul', 'Tehran', 'Delhi', 'Bangkok', 'Singapore'];
/** Points from each stop to the next. */
const STEPS = 2500;
/** From one place of the journey to the next, in points. */
const STRIDE = 10;

const corner = (latitude: number, longitude: number): Point => ({ latitude, longitude });
const boxes: readonly Corners[] = [
  // The Alps, Fiji and Samoa, the sea around Point Nemo, South America.
  { southwest: corner(43.5, 5), northeast: corner(48.5, 16.5) },
  { southwest: corner(-20, 176), northeast: corner(-12, -170) },
  { southwest: corner(-50, -126), northeast: corner(-46, -120) },
  { southwest: corner(-56, -82), northeast: corner(13, -34) },
];

export function createTour(atlas: Atlas): Tour {
  const found = boxes.map((box) => atlas.citiesIn(box));
  const cities = stops.map((stop) => atlas.lookUp(stop, 1)[0]!.location!);
  const route = cities.slice(1).flatMap((to, leg) => straight(cities[leg]!, to));
  const places = route.filter((_, i) => i % STRIDE === 0);
  const legs = route.slice(1).map((point, i) => kilometres(route[i]!, point));
  return {
    boxes,
    cities: found.flat(),
    first: found[0]!.length,
    stops,
    route,
    length: { km: legs.reduce((sum, km) => sum + km, 0), points: route.length },
    places,
    nearest: places.map((place) => atlas.nearest(place, 1)[0]!.city),
  };
}

/** Points on the map's straight line, evenly; the last one is `to`. */
function straight(from: Point, to: Point): Point[] {
  return Array.from({ length: STEPS }, (_, i) => {
    const part = (i + 1) / STEPS;
    return {
      latitude: from.latitude + part * (to.latitude - from.latitude),
      longitude: from.longitude + part * (to.longitude - from.longitude),
    };
  });
}
