import {
  addUnchecked,
  BLOCKED_KEY,
  type BlockedThread,
  type Channel,
  encodeBlocked,
  type FollowedCall,
  findBlocked,
  type ParentCall,
  servesHere,
  thisThread,
} from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { CallInFlight } from './call-in-flight.js';
import { CallMeta } from './call-meta.js';

/** Those who block until a call is answered; undefined for nobody, or nobody who serves. */
export function blockedFor(
  path: string,
  parent: ParentCall | null | undefined,
  blocking: boolean,
): readonly BlockedThread[] | undefined {
  const before = (parent as Partial<FollowedCall> | null | undefined)?.blockedThreads ?? [];
  if (blocking && (before.length > 0 || servesHere())) return [...before, thisThread(path)];
  return before.length > 0 ? before : undefined;
}

/**
 * Throws SELF_DEADLOCK when the callee is one of those who block until this call is answered: whoever is met at `places`,
 * or whom `channel` leads to.
 */
export function checkDeadlock(call: CallInFlight, places: readonly string[], channel: Channel | undefined): void {
  const { blocked } = call;
  if (blocked === undefined || call.stub.method.oneway) return;
  const callee = findBlocked(blocked, places, channel?.remote?.thread);
  if (callee !== undefined) throw deadlock(call.stub.path, blocked, callee);
}

/** Has the request say who blocks for it, if there is room for that. To be called once, before it is sent. */
export function tellBlocked(call: CallInFlight, channel: Channel, requestBytes: number): void {
  const { blocked } = call;
  if (blocked === undefined || call.blockedTold || call.stub.method.oneway) return;
  call.blockedTold = true;
  const values = encodeBlocked(blocked);
  // What a block takes for each value beside it is less than this.
  const bytes = values.reduce((sum, value) => sum + Buffer.byteLength(value) + BLOCKED_KEY.length + 16, 16);
  const most = Math.min(channel.maxMetadataBytes, channel.maxPayloadBytes - requestBytes);
  // A call is more than the warning that it might wait for itself.
  if (bytes + (call.meta?.requestBytes() ?? 0) > most) return;
  call.meta ??= new CallMeta({}, call.stub.path);
  for (const value of values) addUnchecked(call.meta.metadata, BLOCKED_KEY, value);
}

function deadlock(path: string, blocked: readonly BlockedThread[], callee: BlockedThread): RpcError {
  const from = blocked.indexOf(callee);
  const chain = blocked.slice(from).map((one) => `process ${one.pid} blocks until ${one.path} is answered`);
  const words = `${path}: it would wait for itself: ${chain.join(', ')}, and this call needs the blocked thread of process ${callee.pid} to be served. Serve from another thread, or call without blocking`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.SELF_DEADLOCK });
}
