/** Why a call ends without its reply, in the words that its caller sees. */
import { Reason, RpcError } from '../errors/index.js';
import type { CallInFlight } from './call-in-flight.js';

/** A channel's end, told as the end of one of its calls. */
export function channelError(call: CallInFlight, cause: RpcError): RpcError {
  const { code, reason } = cause;
  return new RpcError(code, `${call.stub.path}: ${cause.message}`, { reason, failed: 'channel', cause });
}

const stageWords = {
  connecting: 'it was not connected',
  asking: 'the callee had not said that it is ready',
  sending: 'the callee had not taken it',
  replying: 'it was not answered',
} as const;

/** What its caller sees of a call that was cancelled as its deadline passed, whichever word came first: the deadline. */
export function lateEnd(call: CallInFlight, error: RpcError): RpcError {
  return error.code === 'CANCELLED' && call.deadline <= performance.now() ? expiry(call) : error;
}

export function expiry(call: CallInFlight): RpcError {
  const oneWay = call.channel?.link.direction === 'send';
  const inherited = call.limit <= performance.now();
  if (call.phases.immediate && call.stage !== 'replying' && !inherited)
    return notReady(call.stub.path, stageWords[call.stage]);
  const afterMs = Math.round(performance.now() - call.begunMs);
  const { hindrance } = call;
  const told = call.stage === 'connecting' && hindrance !== undefined ? ` (${hindrance.message})` : '';
  const why =
    call.stage === 'connecting' && call.expiredAtOnce
      ? 'its deadline had passed before it began'
      : `${stageWords[oneWay ? 'sending' : call.stage]} when its deadline passed, ${afterMs} ms after it began${oneWay ? '; it may still take it' : ''}${told}`;
  const whose = inherited ? ` (it is that of ${call.parent?.path}, for which it was made)` : '';
  return new RpcError('DEADLINE_EXCEEDED', `${call.stub.path}: ${why}${whose}`, {
    reason: Reason.DEADLINE,
    ...(told !== '' && { cause: hindrance }),
  });
}

/** The end of an immediate call that can't be taken now. */
export function notReady(path: string, why: string): RpcError {
  return new RpcError('UNAVAILABLE', `${path}: not begun, since ${why} (timeout: 'immediate')`, {
    reason: Reason.NOT_READY,
  });
}
