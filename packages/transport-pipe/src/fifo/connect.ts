import {
  type Address,
  type Deadline,
  FAILED,
  HUNG_UP,
  isServedHere,
  type Link,
  meetingPath,
  openStreamLink,
  openStreamLinkSync,
  READABLE,
  selfDeadlock,
  WRITABLE,
} from '@callgate/core/transport';
import type { NativeAddon, Watcher } from '@callgate/native';
import { GONE, type PipeStream } from '../pipe-stream.js';
import { late, openFailure, serverGone } from './failures.js';
import type { ResolvedFifoOptions } from './options.js';
import { Visit } from './visit.js';

/** The longest delay that setTimeout takes, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export async function connect(
  native: NativeAddon,
  address: Address,
  options: ResolvedFifoOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const path = meetingPath(address, '');
  signal?.throwIfAborted();
  if (performance.now() >= deadline) throw late(address);
  const visit = new Visit(native, address, path, options);
  let stream: PipeStream;
  try {
    await answer(native, visit, address, path, deadline, signal);
    stream = visit.enter();
  } catch (error) {
    visit.leave();
    throw error;
  }
  return openStreamLink(stream, options, deadline, signal);
}

/** Throws FAILED_PRECONDITION (SELF_DEADLOCK) when this thread listens there. */
export function connectSync(
  native: NativeAddon,
  address: Address,
  options: ResolvedFifoOptions,
  deadline: Deadline,
): Link {
  const path = meetingPath(address, '');
  if (isServedHere(path)) throw selfDeadlock(address.url);
  if (performance.now() >= deadline) throw late(address);
  const visit = new Visit(native, address, path, options);
  let stream: PipeStream;
  try {
    let knocked = knock(visit, address, path);
    for (let answered = false; !answered; ) {
      const left = deadline === Number.POSITIVE_INFINITY ? deadline : deadline - performance.now();
      const found = native.poll([visit.door, visit.down], [knocked ? 0 : WRITABLE, READABLE], left);
      if (found === 0) throw late(address);
      answered = found >> 4 !== 0;
      if (!answered && (found & GONE) !== 0) throw serverGone(address, path);
      if (!answered && !knocked) knocked = knock(visit, address, path);
    }
    stream = visit.enter();
  } catch (error) {
    visit.leave();
    throw error;
  }
  return openStreamLinkSync(stream, options, deadline);
}

function knock(visit: Visit, address: Address, path: string): boolean {
  try {
    return visit.knock();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') throw serverGone(address, path, error);
    throw openFailure(error, address, path);
  }
}

/** Knocks as soon as there is room for it, and waits for the answer, on the event loop. */
async function answer(
  native: NativeAddon,
  visit: Visit,
  address: Address,
  path: string,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  // Its descriptor goes on as the link's, which watches it anew; that of the door is closed with it.
  let down: Watcher | undefined;
  let onAbort = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const door = native.createWatcher(visit.door, (events) => {
        if ((events & (HUNG_UP | FAILED)) !== 0) return reject(serverGone(address, path));
        try {
          if (knock(visit, address, path)) door.watch(HUNG_UP);
        } catch (error) {
          reject(error);
        }
      });
      down = native.createWatcher(visit.down, () => resolve());
      down.watch(READABLE | HUNG_UP);
      door.watch(knock(visit, address, path) ? HUNG_UP : WRITABLE);
      const arm = (): void => {
        const left = Math.min(Math.ceil(deadline - performance.now()), LONGEST_TIMER_MS);
        if (left <= 0) reject(late(address));
        else timer = setTimeout(arm, left);
      };
      if (deadline !== Number.POSITIVE_INFINITY) arm();
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort);
    });
  } finally {
    down?.close();
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
