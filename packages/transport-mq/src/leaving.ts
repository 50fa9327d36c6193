import type { NativeAddon } from '@callgate/native';
import type { ResolvedMqOptions } from './options.js';
import type { Place } from './place.js';
import { depart, removeQueue } from './roster.js';
import { withLock, withLockSync } from './roster-lock.js';

/** Who is entered in a roster by this thread, and takes himself out at the latest when it exits. */
const entered = new Set<() => void>();
let listening = false;

function onExit(): void {
  for (const leave of entered) leave();
}

/** Gives how to take out again whoever has been entered under `box`. Idempotent; resolves when he is out. */
export function leaver(
  native: NativeAddon,
  place: Place,
  options: ResolvedMqOptions,
  box: number,
): () => Promise<void> {
  if (!listening) process.on('exit', onExit);
  listening = true;
  let gone: Promise<void> | undefined;
  const leaveNow = (deadline: number): void =>
    withLockSync(native, place, options, () => depart(native, place, box), deadline);
  const atExit = (): void => {
    // process.exit() leaves no time for handles to be closed.
    removeQueue(native, box);
    try {
      leaveNow(performance.now() + 100);
    } catch {
      // The next comer takes out who is dead.
    }
  };
  entered.add(atExit);
  const leave = async (): Promise<void> => {
    entered.delete(atExit);
    try {
      leaveNow(Number.NEGATIVE_INFINITY);
    } catch {
      await withLock(native, place, options, () => depart(native, place, box)).catch(() => undefined);
    }
  };
  return () => {
    gone ??= leave();
    return gone;
  };
}
