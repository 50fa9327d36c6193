/** The side roads of `Sending.trySend`, for messages with more than bytes of their own. */
import type { MessageInit, MessageType } from '../codec/contract.js';
import { handleFields } from '../codec/index.js';
import type { Handle } from '../transport/contract.js';
import { Flag } from './envelope.js';
import { Gathered } from './handle-fields.js';
import { withTable } from './loans.js';
import type { Sending } from './sending.js';

/** As trySend, of a message that may refer to memory that was allocated here. */
export function trySendLending<T>(
  sending: Sending,
  kind: number,
  flags: number,
  status: number,
  callId: number,
  methodId: number,
  timeLeft: number,
  type: MessageType<T>,
  message: MessageInit<T>,
  handles?: readonly Handle[],
  headers?: Uint8Array,
): boolean {
  return sending.loans.lending((lender) => {
    const sent = withTable(type, message, lender);
    const allFlags = sent === type ? flags : flags | Flag.REFERENCES;
    return sending.trySend(kind, allFlags, status, callId, methodId, timeLeft, sent, message, handles, headers);
  });
}

/** As trySend, of a message with handles in its fields. */
export function trySendCarrying<T>(
  sending: Sending,
  kind: number,
  flags: number,
  status: number,
  callId: number,
  methodId: number,
  timeLeft: number,
  type: MessageType<T>,
  message: MessageInit<T>,
  handles?: readonly Handle[],
  headers?: Uint8Array,
): boolean {
  const gathered = new Gathered();
  handleFields.met = false;
  return gathered.during(() => {
    type.size(message);
    const all = handles === undefined ? gathered.handles : [...gathered.handles, ...handles];
    gathered.complete();
    try {
      return sending.trySend(
        kind,
        flags,
        status,
        callId,
        methodId,
        timeLeft,
        type,
        message,
        all.length === 0 ? undefined : all,
        headers,
      );
    } catch (error) {
      throw gathered.refused(error);
    }
  });
}
