import { createSyncClient } from 'callgate';
import { Journey } from '../gen/journey.js';

const journey = createSyncClient(Journey, process.argv[2] ?? 'shm:journey', { timeout: 5000 });

// A blocking stub has plain iterables: the thread waits where the next message has not come.
for (const { place } of journey.stops({ from: 'Berlin', to: 'Paris' })) console.log(place);
console.log(journey.length([{ km: 500 }, { km: 600 }]).km);
for (const { place } of journey.follow([{ km: 300 }, { km: 300 }])) console.log(`past ${place}`);
journey.$close();
