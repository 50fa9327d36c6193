/** Milliseconds of the monotonic clock, which all threads and processes of the machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Node's timers count whole milliseconds of a clock that is read at the start of a turn of the event loop. */
export const TIMER_SLACK_MS = 1;
/** More than a 32-bit number of milliseconds, which timers turn into 1 ms. */
export const FAR_MS = 2 ** 31 + 1000;
