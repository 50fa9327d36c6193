/** The sender of notifications: one after the other for a time, numbered; prints one line of JSON. */
import { createClient, createSyncClient } from 'callgate';
import { jobOf } from '../children.js';
import { Bell } from '../gen/bell.js';
import { timeAsync, timeSync } from '../timing.js';
import type { NotifyJob } from './notify.js';

const { url, mode, seconds, warmUpSeconds } = jobOf<NotifyJob>();
let sent = 0;
const turns = { request: () => ({ number: sent++ }), check: () => undefined };
const direction = 'send';
if (mode === 'sync') {
  const bell = createSyncClient(Bell, url, { direction });
  timeSync(warmUpSeconds, turns, (turn) => bell.ring(turn));
  console.log(JSON.stringify(timeSync(seconds, turns, (turn) => bell.ring(turn))));
  bell.done({ number: sent });
  bell.$close();
} else {
  const bell = createClient(Bell, url, { direction });
  await timeAsync(warmUpSeconds, 1, turns, (turn) => bell.ring(turn));
  console.log(JSON.stringify(await timeAsync(seconds, 1, turns, (turn) => bell.ring(turn))));
  await bell.done({ number: sent });
  await bell.$close();
}
