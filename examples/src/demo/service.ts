import { RpcError } from 'callgate';
import type { Atlas } from './atlas.js';
import type { SyncAnswerer } from './questions.js';

/** The city service over an atlas: what every server runs, and what a client compares with. */
export function createGeoService(atlas: Atlas): SyncAnswerer {
  return {
    lookUp: ({ name, limit }) => ({ cities: [...atlas.lookUp(name, limit || 10)] }),

    nearest({ point, count }) {
      if (!point || !(Math.abs(point.latitude) <= 90) || !(Math.abs(point.longitude) <= 180)) {
        throw new RpcError('INVALID_ARGUMENT', 'point: expected a latitude of -90 … 90 and a longitude of -180 … 180');
      }
      return { neighbours: [...atlas.nearest(point, count || 1)] };
    },

    statistics({ country }) {
      const found = atlas.statistics(country);
      if (!found) throw new RpcError('NOT_FOUND', `no country "${country}" has a city`);
      return found;
    },
  };
}
