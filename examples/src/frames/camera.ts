/** Sends pictures of 8 megabytes without copying them. Over another transport (`unix:`) the same program sends copies. */
import { createClient, releaseLoan } from 'callgate';
import { Darkroom } from '../gen/frames.js';

const [url = 'shm:darkroom'] = process.argv.slice(2);
const width = 3840;
const height = 2160;
const darkroom = createClient(Darkroom, url, {
  trusted: true,
  timeout: 10_000,
  transport: { maxMessageBytes: 2 ** 24 },
});

for (let shot = 1; shot <= 3; shot++) {
  // Memory that was released before is used again. It is the server's once it is sent.
  const points = await darkroom.$channel.allocate(width * height);
  points.fill(50 * shot);
  const negative = await darkroom.develop({ width, height, points });
  console.log(`shot ${shot}: ${50 * shot} became ${negative.points[12_345]}`);
  releaseLoan(negative.points);
}
await darkroom.$close();
