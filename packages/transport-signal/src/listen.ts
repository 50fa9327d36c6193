import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Address,
  type Link,
  type Listener,
  meetingPath,
  type Notification,
  type TransportOptions,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { requireAddon } from './addon.js';
import { announce } from './announce.js';
import type { AnnouncedSignal } from './announcement.js';
import { describeSignal } from './numbers.js';
import { assignSignals, resolveSignalOptions, type SignalOptions } from './options.js';
import { startOf } from './processes.js';
import { ReceiveLink } from './receive-link.js';

/** Announcements that this thread has made. */
const announcedHere = new Set<string>();

/** Whether a blocking sender would wait for its own thread. */
export function isAnnouncedHere(path: string): boolean {
  return announcedHere.has(path);
}

export async function listen(
  address: Address,
  options: TransportOptions,
  onLink: (link: Link) => void,
  notifications: readonly Notification[] | undefined,
): Promise<Listener> {
  const resolved = resolveSignalOptions(options as SignalOptions);
  if (options.allow !== undefined) {
    const words = `cannot listen at ${address.url}: signal: cannot check \`allow\` (capability: credentials): of a queued signal the kernel passes on what its sender says of itself. Only processes of the same user and root can send any`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED, failed: 'channel' });
  }
  if (notifications === undefined || notifications.length === 0) {
    const words = `cannot listen at ${address.url}: there is nothing to listen for; add a service first`;
    throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.BAD_OPTION, failed: 'channel' });
  }
  const addon = requireAddon();
  const signals = assignSignals(notifications, resolved, addon.realTimeSignals());
  const path = meetingPath(address, '');
  const place = await announce(addon, address, path, resolved.mode);
  let taken: Fd;
  try {
    taken = take(addon, address, signals, place.guard);
  } catch (error) {
    place.withdraw();
    place.guard.close();
    throw error;
  }
  announcedHere.add(path);
  const link = new ReceiveLink(addon, taken, signals, address.url, () => {
    announcedHere.delete(path);
    place.withdraw();
    place.guard.close();
  });
  try {
    // Not before they are taken: whoever reads it may send.
    place.write({ pid: process.pid, start: startOf(process.pid) ?? 0n, signals });
  } catch (error) {
    link.abort();
    throw fromErrno(error, `cannot listen at ${address.url}: the announcement in ${path} can't be written`);
  }
  onLink(link);
  return {
    url: address.url,
    close: async () => place.withdraw(),
    ref: () => link.ref(),
    unref: () => link.unref(),
    hold: () => link.hold(true),
    release: () => link.hold(false),
  };
}

function take(addon: NativeAddon, address: Address, signals: readonly AnnouncedSignal[], guard: Fd): Fd {
  try {
    return addon.takeSignals(
      signals.map(({ signal }) => signal),
      guard,
    );
  } catch (error) {
    const number = Number(/signal (\d+)/.exec((error as Error).message)?.[1]);
    const method = signals.find(({ signal }) => signal === number)?.path;
    const what =
      method === undefined
        ? ''
        : `: ${describeSignal(number, addon.realTimeSignals())}, for ${method}, is not to be had`;
    const advice = 'choose others by the options `signals` or `firstSignal`';
    throw fromErrno(error, `cannot listen at ${address.url}${what} (${advice})`);
  }
}
