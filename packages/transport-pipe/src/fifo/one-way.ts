import { fromErrno, RpcError } from '@callgate/core/errors';
import {
  type Address,
  createOneWayLink,
  type Deadline,
  directionMismatch,
  isServedHere,
  type Link,
  type Listener,
  meetingPath,
  refuseStream,
  selfDeadlock,
} from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import { letIn } from './door.js';
import { late, openFailure, strange } from './failures.js';
import { bindFifo, urlOf } from './listen.js';
import { LARGEST_NOTE } from './note.js';
import type { ResolvedFifoOptions } from './options.js';
import { FifoSink } from './sink.js';
import { FifoSource } from './source.js';
import { WRITE } from './visit.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** As openToSend, for a thread that is going to block. Throws FAILED_PRECONDITION (SELF_DEADLOCK). */
export function openToSendSync(
  native: NativeAddon,
  address: Address,
  options: ResolvedFifoOptions,
  deadline: Deadline,
): Link {
  if (isServedHere(meetingPath(address, ''))) throw selfDeadlock(address.url);
  return openToSend(native, address, options, deadline);
}

/** Opens the server's fifo to write to, beside whoever else does. Throws RpcError. Never waits. */
export function openToSend(
  native: NativeAddon,
  address: Address,
  options: ResolvedFifoOptions,
  deadline: Deadline,
): Link {
  if (performance.now() >= deadline) throw late(address);
  const path = meetingPath(address, '');
  let fd: Fd;
  try {
    fd = native.openFifo(path, WRITE);
  } catch (error) {
    throw openFailure(error, address, path);
  }
  const sink = new FifoSink(native, fd, { address: address.url, addressing: 'mailbox' });
  return createOneWayLink(sink, limited(options), 'send');
}

/** Makes the fifo, and one link for all who write to it. */
export async function listenToReceive(
  native: NativeAddon,
  address: Address,
  options: ResolvedFifoOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Promise<Listener> {
  const path = meetingPath(address, '');
  const { bound, remove } = await bindFifo(native, address, path, options.mode);
  const url = urlOf(address, path);
  const { maxMessageBytes } = limited(options);
  // Keeps the process alive, as a listener does; the link only does while somebody waits for a message.
  const anchor = setInterval(() => undefined, LONGEST_TIMER_MS);
  let open = true;
  const stop = (): void => {
    if (!open) return;
    open = false;
    clearInterval(anchor);
    remove();
  };
  const source = new FifoSource({
    native,
    fd: bound,
    peer: { address: url, addressing: 'mailbox' },
    limit: maxMessageBytes,
    onClosing: stop,
    onStrange: (beginning) => onError(strange(path, url, beginning)),
    onTooLarge(length) {
      const words = `somebody wrote a message of ${length} bytes to ${url}, which accepts at most ${maxMessageBytes} (maxMessageBytes); it was skipped`;
      onError(new RpcError('RESOURCE_EXHAUSTED', words, { reason: 'MESSAGE_TOO_LARGE', failed: 'channel' }));
    },
    onKnock(token) {
      const error = directionMismatch(url, 'duplex', 'receive');
      try {
        const stream = letIn(native, path, url, token);
        if (stream !== undefined) refuseStream(stream, error);
      } catch (cause) {
        onError(fromErrno(cause, `cannot tell a client of ${url} that it only receives`));
      }
    },
  });
  onLink(createOneWayLink(source, { ...options, maxMessageBytes }, 'receive'));
  return {
    url,
    async close() {
      stop();
    },
    ref: () => void anchor.ref(),
    unref: () => void anchor.unref(),
  };
}

function limited(options: ResolvedFifoOptions): ResolvedFifoOptions {
  return { ...options, maxMessageBytes: Math.min(options.maxMessageBytes, LARGEST_NOTE) };
}
