import { createServer, type RpcStream } from 'callgate';
import { map, scan } from 'rxjs';
import { Journey, type Step, type Stop } from '../gen/journey.js';

const way: readonly Stop[] = [
  { place: 'Berlin', km: 0 },
  { place: 'Hanover', km: 290 },
  { place: 'Cologne', km: 580 },
  { place: 'Brussels', km: 800 },
  { place: 'Paris', km: 1110 },
];

const server = createServer();
server.add(Journey, {
  plan: () => ({ steps: way.length - 1, km: way.at(-1)?.km ?? 0 }),

  // A generator goes on as its reader reads. When that stops early, `finally` runs.
  *stops() {
    try {
      for (const stop of way) yield stop;
    } finally {
      console.log('told the stops');
    }
  },

  async length(steps) {
    let count = 0;
    let km = 0;
    for await (const step of steps) {
      count++;
      km += step.km;
    }
    return { steps: count, km };
  },

  // A stream is an Observable, too: what comes in goes through rxjs, and out again.
  follow: (steps: RpcStream<Step>) =>
    steps.pipe(
      scan((km, step) => km + step.km, 0),
      map((km) => ({ place: way.findLast((stop) => stop.km <= km)?.place ?? '', km })),
    ),
});
const [url] = await server.listen(process.argv[2] ?? 'shm:journey');
console.log(`guiding at ${url}`);
process.stdin.resume().once('end', () => void server.close());
