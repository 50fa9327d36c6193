import { codeName, type Reason, RpcError } from '@callgate/core/errors';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { BOXED, emptyHead, HEAD_BYTES, TYPE_BYTES, writeHead } from './layout.js';

const FRONT_BYTES = TYPE_BYTES + HEAD_BYTES;
const NOTHING = Buffer.alloc(0);
const head = emptyHead();

/** A message between transports, which is no link's: one part. False when there is no room; throws a system error. */
export function sendControl(
  native: NativeAddon,
  to: MessageQueueHandle,
  type: number,
  kind: number,
  from: number,
  serial = 0,
  text: Uint8Array = NOTHING,
  sendsOnly = false,
): boolean {
  const bytes = Buffer.alloc(FRONT_BYTES + text.length);
  head.kind = kind;
  head.from = from;
  head.answerType = BOXED;
  head.serial = serial;
  head.part = 0;
  head.parts = 1;
  head.bytes = text.length;
  head.about = 0;
  head.sendsOnly = sendsOnly;
  head.expires = Number.POSITIVE_INFINITY;
  writeHead(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), TYPE_BYTES, head);
  bytes.set(text, FRONT_BYTES);
  return native.sendMessage(to, type, bytes, TYPE_BYTES, bytes.length, 0);
}

/** An error as text; a few hundred bytes. */
export function encodeFailure(error: RpcError | undefined): Buffer {
  if (error === undefined) return NOTHING;
  const { status, reason, message } = error;
  return Buffer.from(JSON.stringify({ status, reason, message: message.slice(0, 1000) }));
}

/** Undefined for an empty text, and for one that is none. */
export function decodeFailure(text: string): RpcError | undefined {
  if (text === '') return undefined;
  try {
    const { status, reason, message } = JSON.parse(text) as { status: number; reason: Reason; message: string };
    const code = codeName(Number(status));
    return new RpcError(code === 'OK' ? 'UNKNOWN' : code, String(message), {
      reason: String(reason),
      failed: 'channel',
    });
  } catch {
    return undefined;
  }
}
