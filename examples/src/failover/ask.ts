// Asks whichever of two servers is there, twenty times a second, until it is stopped. Kill one, start it again, kill the
// other: no call fails, and while neither is there, calls wait for one.
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'callgate';
import { Oracle } from '../gen/oracle.js';

const oracle = createClient(Oracle, ['unix:oracle-1', 'unix:oracle-2'], {
  balance: 'round-robin',
  // For methods that may be called twice; oracle.proto says that this one may (callgate.idempotent).
  retry: { maxAttempts: 5 },
  waitForReady: true,
  timeout: 10_000,
});
oracle.$channel.onState((state) => console.log(`(${state})`));

let going = true;
process.once('SIGINT', () => {
  going = false;
});
while (going) {
  const { words } = await oracle.ask({ words: 'Will it rain?' });
  console.log(words);
  await delay(50);
}
await oracle.$close();
