import { type Client, createClient, createServer, type Server } from 'callgate';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Geo, type Point } from '../gen/geo.js';
import { openAtlas } from './atlas.js';
import { createGeoService } from './service.js';

const atlas = openAtlas();
const bern = { latitude: 46.948, longitude: 7.4474 };
const nowhere = { latitude: 91, longitude: 0 };
const words = 'expected a latitude of -90 … 90 and a longitude of -180 … 180';
let server: Server;
let client: Client<typeof Geo>;

beforeEach(async () => {
  server = createServer();
  server.add(Geo, createGeoService(atlas));
  const [url] = await server.listen('inproc:geo-service-test');
  client = createClient(Geo, url!);
});

afterEach(async () => {
  await client.$close();
  await server.close();
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test('a box without a corner, and one that is not on earth, are refused', async () => {
  const refusal = (field: string) => ({ code: 'INVALID_ARGUMENT', message: `${field}: ${words}` });
  await expect(all(client.citiesIn({ southwest: bern }))).rejects.toMatchObject(refusal('northeast'));
  await expect(all(client.citiesIn({ northeast: bern }))).rejects.toMatchObject(refusal('southwest'));
  await expect(all(client.citiesIn({ southwest: bern, northeast: nowhere }))).rejects.toMatchObject(
    refusal('northeast'),
  );
});

test('a route without length has none, and one that leaves the earth is refused', async () => {
  expect(await client.routeLength([])).toEqual({ km: 0, points: 0 });
  expect(await client.routeLength([bern])).toEqual({ km: 0, points: 1 });
  const refusal = { code: 'INVALID_ARGUMENT', message: `point: ${words}` };
  await expect(client.routeLength([bern, nowhere, bern])).rejects.toMatchObject(refusal);
});

test('who moves hears of each place before going on to the next', async () => {
  const heard: string[] = [];
  let answered = (): void => undefined;
  async function* places(): AsyncGenerator<Point> {
    for (const longitude of [7.4474, 8.55, 16.37]) {
      const answer = new Promise<void>((resolve) => {
        answered = resolve;
      });
      yield { latitude: 47, longitude };
      await answer;
    }
  }
  for await (const { name } of client.nearestWhile(places())) {
    heard.push(name);
    answered();
  }
  expect(heard).toEqual(
    [7.4474, 8.55, 16.37].map((longitude) => atlas.nearest({ latitude: 47, longitude }, 1)[0]!.city.name),
  );
});
