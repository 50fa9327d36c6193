import { RpcError } from 'callgate';
import type { Box, City, Length, Point } from '../gen/geo.js';
import { type Atlas, kilometres } from './atlas.js';
import type { SyncAnswerer } from './questions.js';

/** The methods that stream, as a server runs them: points come as they are sent, answers go as they are made. */
export interface StreamHandlers {
  citiesIn(box: Box): Iterable<City>;
  routeLength(points: AsyncIterable<Point>): Promise<Length>;
  nearestWhile(points: AsyncIterable<Point>): AsyncIterable<City>;
}

/** The city service over an atlas: what every server runs, and what a client compares with. */
export function createGeoService(atlas: Atlas): SyncAnswerer & StreamHandlers {
  return {
    lookUp: ({ name, limit }) => ({ cities: [...atlas.lookUp(name, limit || 10)] }),

    nearest({ point, count }) {
      return { neighbours: [...atlas.nearest(onEarth('point', point), count || 1)] };
    },

    statistics({ country }) {
      const found = atlas.statistics(country);
      if (!found) throw new RpcError('NOT_FOUND', `no country "${country}" has a city`);
      return found;
    },

    citiesIn({ southwest, northeast }) {
      const corners = { southwest: onEarth('southwest', southwest), northeast: onEarth('northeast', northeast) };
      return atlas.citiesIn(corners);
    },

    async routeLength(points) {
      const length = { km: 0, points: 0 };
      let last: Point | undefined;
      for await (const point of points) {
        onEarth('point', point);
        if (last) length.km += kilometres(last, point);
        last = point;
        length.points++;
      }
      return length;
    },

    async *nearestWhile(points) {
      for await (const point of points) {
        for (const { city } of atlas.nearest(onEarth('point', point), 1)) yield city;
      }
    },
  };
}

/** The point, or INVALID_ARGUMENT. */
function onEarth(field: string, point: Point | undefined): Point {
  if (point && Math.abs(point.latitude) <= 90 && Math.abs(point.longitude) <= 180) return point;
  const words = `${field}: expected a latitude of -90 … 90 and a longitude of -180 … 180`;
  throw new RpcError('INVALID_ARGUMENT', words);
}
