import type { Handle, Span } from '../../transport/contract.js';
import { closeAll, NO_HANDLES } from '../../transport/handle.js';
import type { Channel } from '../channel.js';
import { Kind } from '../envelope.js';
import type { Relay } from './relay.js';

/** A message that is kept until it can go on, with all that belongs to it. */
export interface RelayedCopy {
  readonly bytes: Buffer;
  readonly handles: readonly Handle[];
  /** What it refers to, copied. */
  readonly copied: readonly Uint8Array[];
}

/** Below this, copying byte by byte is cheaper than asking for it. */
const FEW_BYTES = 96;
const NO_COPIES: readonly Uint8Array[] = Object.freeze([]);

/** Copies what is in a span, which is only valid now. `handles` are the copy's. */
export function copyForRelay(
  { bytes, start, end }: Span,
  handles: readonly Handle[],
  copied: readonly Uint8Array[] = NO_COPIES,
): RelayedCopy {
  return { bytes: Buffer.from(bytes.subarray(start, end)), handles, copied };
}

/** Passes a message on to a worker. False when there is no room now; otherwise the handles are the worker's. */
export function tryPass(
  relay: Relay,
  number: number,
  flags: number,
  came: number,
  bytes: Buffer,
  start: number,
  end: number,
  handles: readonly Handle[] = NO_HANDLES,
  copied: readonly Uint8Array[] = NO_COPIES,
): boolean {
  let whole = end - start;
  let copies = 0;
  for (const copy of copied) copies += copy.length;
  whole += 4 * handles.length + copies;
  const room = relay.claim(whole);
  if (room === null) return false;
  const to = room.bytes;
  let at = room.start;
  if (end - start <= FEW_BYTES) for (let i = start; i < end; i++) to[at++] = bytes[i] as number;
  else {
    to.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  for (const handle of handles) at = to.writeUInt32LE(handle.detach(), at);
  for (const copy of copied) {
    to.set(copy, at);
    at += copy.length;
  }
  relay.commit(number, flags, whole, handles.length, came, copies);
  return true;
}

/**
 * Passes a worker's message on to the client. False when the link is full now. What can't be sent, because the link has
 * ended, is dropped: true.
 */
export function tryPassBack(
  channel: Channel,
  kind: number,
  callId: number,
  bytes: Buffer,
  start: number,
  end: number,
  handles: readonly Handle[],
): boolean {
  const { link } = channel;
  if (channel.ended) {
    closeAll(handles);
    return true;
  }
  try {
    const room = link.claim(end - start);
    if (room === null) return false;
    link.mark?.(callId, false, Number.POSITIVE_INFINITY, kind === Kind.CANCEL);
    const to = room.bytes;
    let at = room.start;
    if (end - start <= FEW_BYTES) for (let i = start; i < end; i++) to[at++] = bytes[i] as number;
    else to.set(bytes.subarray(start, end), at);
    if (handles.length === 0) link.commit(end - start);
    else link.commit(end - start, handles);
    if (kind === Kind.REPLY) link.forget?.(callId);
    return true;
  } catch {
    // The link has ended, or is about to, which its channel hears of.
    link.abandon();
    closeAll(handles);
    return true;
  }
}
