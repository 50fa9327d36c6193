import { GreetReply as ReplyType, GreetRequest as RequestType } from './gen/greeter.js';
import type { GreetReply, GreetRequest } from './message.js';

/**
 * The message as protobuf bytes, for subjects that carry bytes and leave what they mean to their users. The codec is
 * Callgate's own, the quickest at hand: what is compared is the way that bytes go.
 * @param room bytes left free in front, for a length
 */
export function encodeRequest(request: GreetRequest, room = 0): Buffer {
  const bytes = Buffer.allocUnsafe(room + RequestType.size(request));
  RequestType.encode(request, bytes, room);
  return bytes;
}

export function encodeReply(reply: GreetReply, room = 0): Buffer {
  const bytes = Buffer.allocUnsafe(room + ReplyType.size(reply));
  ReplyType.encode(reply, bytes, room);
  return bytes;
}

export function decodeRequest(bytes: Buffer, start = 0, end: number = bytes.length): GreetRequest {
  return RequestType.decode(bytes, start, end);
}

export function decodeReply(bytes: Buffer, start = 0, end: number = bytes.length): GreetReply {
  return ReplyType.decode(bytes, start, end);
}

/** The message as text of JSON can hold it: its bytes in base64. */
export interface TextMessage {
  readonly id: number;
  readonly text: string;
  readonly data: string;
}

export const textOf = (id: number, text: string, data: Uint8Array): TextMessage => ({
  id,
  text,
  data: Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64'),
});

export const requestOf = ({ id, text, data }: TextMessage): GreetRequest => ({
  id,
  name: text,
  data: Buffer.from(data, 'base64'),
});

export const replyOf = ({ id, text, data }: TextMessage): GreetReply => ({
  id,
  greeting: text,
  data: Buffer.from(data, 'base64'),
});
