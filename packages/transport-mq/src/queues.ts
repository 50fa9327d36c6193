import { Reason, RpcError } from '@callgate/core/errors';
import { type MessageQueueHandle, messageQueueLimit, type NativeAddon, queueRows } from '@callgate/native';
import { HEAD_BYTES, TYPE_BYTES } from './layout.js';
import type { ResolvedMqOptions } from './options.js';
import type { Place } from './place.js';

/** The queue of a mailbox, made unless it is there. `made`: it was not. */
export function getMailbox(
  native: NativeAddon,
  place: Place,
  options: ResolvedMqOptions,
): { readonly id: number; readonly made: boolean } {
  try {
    const queue = native.getMessageQueue(place.key, 2, options.mode, 0);
    try {
      if (options.queueBytes !== undefined) native.setMessageQueueCapacity(queue, options.queueBytes);
      return { id: native.messageQueueId(queue), made: true };
    } catch (error) {
      native.removeMessageQueue(queue);
      throw tooMuch(place, options, error);
    } finally {
      queue.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw noQueue(place, error);
  }
  const there = queueRows().find((row) => row.key === place.key);
  const uid = process.geteuid?.();
  // A queue of this user's that no roster knows: its file is gone, or a program made it that knows of none.
  if (there !== undefined && there.uid === uid) return { id: there.id, made: !place.byKey };
  const whose = there === undefined ? 'somebody else' : `uid ${there.uid} (mode 0${there.mode.toString(8)})`;
  throw new RpcError(
    'ALREADY_EXISTS',
    `cannot use ${place.url}: its key 0x${place.key.toString(16)} is in use by a message queue that belongs to ${whose}, and is no mailbox of uid ${uid}. It was left as it is; choose another name or key`,
    { reason: Reason.ADDRESS_IN_USE, failed: 'channel' },
  );
}

/** A queue of one's own, in which one is reached; it goes when it is closed. */
export function makeBox(native: NativeAddon, place: Place, mode: number): MessageQueueHandle {
  try {
    // Whoever may send to the mailbox may be sent to from it.
    const box = native.getMessageQueue(0, 2, mode | 0o600, 1);
    // The kernel notes who received last: of a queue from which only its owner receives, that tells who he is.
    const stamp = Buffer.alloc(TYPE_BYTES + HEAD_BYTES);
    native.sendMessage(box, 1, stamp, TYPE_BYTES, TYPE_BYTES, 0);
    native.receiveMessage(box, 0, stamp, TYPE_BYTES, stamp.length, 0);
    return box;
  } catch (error) {
    throw noQueue(place, error);
  }
}

function noQueue(place: Place, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code !== 'ENOSPC') return error;
  const words = `cannot use ${place.url}: all ${messageQueueLimit('msgmni')} message queues that this system may have are in use. "ipcs -q" lists them, "ipcrm -q <id>" removes one that nobody needs, and the sysctl kernel.msgmni raises the number`;
  return new RpcError('RESOURCE_EXHAUSTED', words, { reason: 'TOO_MANY_QUEUES', failed: 'channel', cause: error });
}

function tooMuch(place: Place, options: ResolvedMqOptions, cause: unknown): RpcError {
  const words = `cannot make the mailbox ${place.url} for ${options.queueBytes} bytes (queueBytes): the system allows ${messageQueueLimit('msgmnb')} (kernel.msgmnb), and more to root only`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION, failed: 'channel', cause });
}

/** Bytes of a message that one part carries: a full queue must take two, or nothing would move. */
export function partBytes(native: NativeAddon, queue: MessageQueueHandle): number {
  const { capacityBytes } = native.messageQueueStatus(queue);
  return Math.max(1, Math.min(messageQueueLimit('msgmax'), Math.floor(capacityBytes / 2)) - HEAD_BYTES);
}
