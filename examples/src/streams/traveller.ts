import { createClient } from 'callgate';
import { lastValueFrom, map, take, toArray } from 'rxjs';
import { Journey } from '../gen/journey.js';

const journey = createClient(Journey, process.argv[2] ?? 'shm:journey', { timeout: 5000 });
const trip = { from: 'Berlin', to: 'Paris' };

// Iterating has the other side wait when this one does not keep up; `break` ends the call there, too.
for await (const { place, km } of journey.stops(trip)) {
  console.log(`${place}, after ${km} km`);
  if (place === 'Cologne') break;
}

// The same stream as an Observable. Each subscription is a call of its own.
const names = journey.stops(trip).pipe(
  take(2),
  map(({ place }) => place),
  toArray(),
);
console.log((await lastValueFrom(names)).join(' and '));

function* steps() {
  for (const km of [250, 250, 250, 250]) yield { km };
}
const { km } = await journey.length(steps());
console.log(`${km} km in all`);

for await (const { place } of journey.follow(steps())) console.log(`past ${place}`);
await journey.$close();
