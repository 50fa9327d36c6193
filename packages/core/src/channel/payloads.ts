import type { MessageType } from '../codec/contract.js';

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
