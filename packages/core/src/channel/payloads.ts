import type { MessageType } from '../codec/contract.js';
import { codeName, type MetadataView, RpcError } from '../errors/index.js';

/** A payload of no bytes. */
export const EMPTY_PAYLOAD: MessageType<undefined> = {
  typeName: '',
  size: () => 0,
  encode: (_message, _bytes, start) => start,
  decode: () => undefined,
  schema: { typeName: '', fields: [] },
};

/** A payload that is bytes already. */
export const RAW_PAYLOAD: MessageType<Uint8Array> = {
  typeName: '',
  size: (message) => message.length,
  encode: (message, bytes, start) => {
    bytes.set(message, start);
    return start + message.length;
  },
  decode: (bytes, start, end) => Uint8Array.prototype.slice.call(bytes, start, end),
  schema: { typeName: '', fields: [] },
};

/**
 * The payload of a reply that failed, and of a goodbye (its status stands in the envelope).
 *
 * ```
 *   0  u16    length of the reason in bytes
 *   2  text   the reason, UTF-8
 *      text   the message, UTF-8, to the end
 * ```
 */
export function encodeFailure(error: RpcError, limit: number): Buffer {
  const reason = Buffer.from(error.reason).subarray(0, 255);
  const message = Buffer.from(error.message);
  const payload = Buffer.allocUnsafe(2 + reason.length + message.length);
  payload.writeUInt16LE(reason.length);
  payload.set(reason, 2);
  payload.set(message, 2 + reason.length);
  return payload.subarray(0, Math.min(payload.length, limit));
}

/** Untrusted input: any bytes give an error object. */
export function decodeFailure(
  status: number,
  bytes: Buffer,
  start: number,
  end: number,
  failed: 'call' | 'channel',
  metadata?: MetadataView,
): RpcError {
  const reasonEnd = end - start < 2 ? start : Math.min(end, start + 2 + bytes.readUInt16LE(start));
  const reason = end - start < 2 ? '' : bytes.toString('utf8', start + 2, reasonEnd);
  const message = end - start < 2 ? '' : bytes.toString('utf8', reasonEnd, end);
  const code = codeName(status);
  return new RpcError(code === 'OK' ? 'UNKNOWN' : code, message === '' ? code : message, {
    failed,
    ...(reason === '' ? {} : { reason }),
    metadata,
  });
}
