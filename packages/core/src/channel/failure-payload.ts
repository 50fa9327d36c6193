import { receivedError } from '../errors/define-error.js';
import { codeName, type ErrorDetail, type MetadataView, RpcError, type RpcErrorOptions } from '../errors/index.js';

/**
 * The payload of a reply that failed, and of a goodbye (its status stands in the envelope), little-endian.
 *
 * ```
 *   0  u16    length of the reason in bytes
 *   2  u32    length of the message in bytes
 *   6  text   the reason, UTF-8
 *      text   the message, UTF-8
 *             fields to the end, in any number: u8 tag, u32 length in bytes, and
 *             1  u32    milliseconds after which to try again
 *             2  u16    length of the type's name, the name, and an encoded message: a detail
 *             3  u8     status (0: no RpcError), u16 length of the reason (or of the error's name), that, and the
 *                       message: a cause, the nearest one first
 * ```
 *
 * Fields of unknown tags are passed over.
 */
const HEAD_BYTES = 6;
const FIELD_BYTES = 5;
const RETRY_AFTER = 1;
const DETAIL = 2;
const CAUSE = 3;

/** Causes of causes that are told. */
const MOST_CAUSES = 8;
const MOST_DETAILS = 64;
const LONGEST_REASON = 255;

/**
 * In at most `limit` bytes: where there is no room, causes are left out first, then details, then the end of the
 * message; its words say so. `causes`: the error is a handler's, and what led to it is its answer, too.
 */
export function encodeFailure(error: RpcError, limit: number, causes = false): Buffer {
  // JavaScript may have made an error of anything: who waits for the answer gets one all the same.
  const reason = Buffer.from(String(error.reason)).subarray(0, LONGEST_REASON);
  const retry = error.retryAfterMs === undefined ? [] : [retryField(error.retryAfterMs)];
  const details = detailFields(error.details);
  const chain = causes ? causeFields(error.cause) : [];
  const fixed = HEAD_BYTES + reason.length + lengthOf(retry);
  const message = Buffer.from(String(error.message));
  const all = [...details, ...chain];
  if (fixed + message.length + lengthOf(all) <= limit) return assemble(reason, message, [...retry, ...all]);

  const room = limit - fixed - message.length - Buffer.byteLength(leftOut(details.length, chain.length));
  const fitting = fittingIn(room, details);
  // A chain with a link missing would tell of a cause that was none.
  const causesFit = fitting.length === details.length ? leading(room - lengthOf(fitting), chain) : [];
  const words = leftOut(details.length - fitting.length, chain.length - causesFit.length);
  const told = Buffer.from(cut(String(error.message), limit - fixed - Buffer.byteLength(words)) + words);
  return assemble(reason, told, [...retry, ...fitting, ...causesFit]).subarray(0, limit);
}

function assemble(reason: Uint8Array, message: Uint8Array, fields: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16LE(reason.length, 0);
  head.writeUInt32LE(message.length, 2);
  return Buffer.concat([head, reason, message, ...fields]);
}

function leftOut(details: number, causes: number): string {
  const parts = [details > 0 && `${details} of its details`, causes > 0 && `${causes} of its causes`].filter(Boolean);
  return parts.length === 0 ? '' : ` (left out for want of room: ${parts.join(' and ')})`;
}

function lengthOf(fields: readonly Uint8Array[]): number {
  return fields.reduce((sum, field) => sum + field.length, 0);
}

function fittingIn(room: number, fields: readonly Buffer[]): Buffer[] {
  let left = room;
  return fields.filter((field) => {
    if (field.length > left) return false;
    left -= field.length;
    return true;
  });
}

function leading(room: number, fields: readonly Buffer[]): Buffer[] {
  let left = room;
  const end = fields.findIndex((field) => {
    left -= field.length;
    return left < 0;
  });
  return end === -1 ? [...fields] : fields.slice(0, end);
}

/** Text in at most so many bytes, no character cut in two. */
function cut(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  if (whole.length <= bytes) return text;
  let end = Math.max(0, bytes - 3);
  while (end > 0 && ((whole[end] as number) & 0xc0) === 0x80) end--;
  return bytes < 3 ? '' : `${whole.toString('utf8', 0, end)}…`;
}

function field(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(FIELD_BYTES);
  head.writeUInt8(tag, 0);
  head.writeUInt32LE(lengthOf(parts), 1);
  return Buffer.concat([head, ...parts]);
}

function retryField(ms: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(Number.isNaN(ms) ? 0 : Math.min(0xffff_ffff, Math.max(0, Math.ceil(ms))));
  return field(RETRY_AFTER, bytes);
}

function detailFields(details: readonly ErrorDetail[]): Buffer[] {
  if (!Array.isArray(details)) return [];
  return details.slice(0, MOST_DETAILS).flatMap((detail) => (isDetail(detail) ? [detailField(detail)] : []));
}

function isDetail(value: unknown): value is ErrorDetail {
  const { typeName, bytes } = (value ?? {}) as Partial<ErrorDetail>;
  return typeof typeName === 'string' && bytes instanceof Uint8Array;
}

function detailField({ typeName, bytes }: ErrorDetail): Buffer {
  return field(DETAIL, ...named(typeName), bytes);
}

function named(name: string): [Buffer, Buffer] {
  const bytes = Buffer.from(name).subarray(0, 0xffff);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return [length, bytes];
}

function causeFields(cause: unknown): Buffer[] {
  const fields: Buffer[] = [];
  for (let next = cause; next instanceof Error && fields.length < MOST_CAUSES; next = next.cause) {
    try {
      const status = RpcError.is(next) ? next.status : 0;
      const word = RpcError.is(next) ? next.reason : String(next.name);
      fields.push(field(CAUSE, Buffer.from([status]), ...named(word), Buffer.from(String(next.message))));
    } catch {
      // An error whose name or message can't be had: nothing is known of what led to it either.
      break;
    }
  }
  return fields;
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
  // Of what is read twice, both must be the same, though the memory may be the peer's.
  const payload = Buffer.from(bytes.subarray(start, end));
  const code = statusName(status);
  if (payload.length < HEAD_BYTES) return new RpcError(code, code, { failed, metadata });
  const messageAt = Math.min(payload.length, HEAD_BYTES + payload.readUInt16LE(0));
  const fieldsAt = Math.min(payload.length, messageAt + payload.readUInt32LE(2));
  const reason = payload.toString('utf8', HEAD_BYTES, messageAt);
  const message = payload.toString('utf8', messageAt, fieldsAt);
  const more = decodeFields(payload, fieldsAt);
  const options = { failed, metadata, ...(reason === '' ? {} : { reason }), ...more };
  const words = message === '' ? code : message;
  return failed === 'call' ? receivedError(code, words, options) : new RpcError(code, words, options);
}

function statusName(status: number) {
  const code = codeName(status);
  return code === 'OK' ? 'UNKNOWN' : code;
}

function decodeFields(payload: Buffer, start: number): RpcErrorOptions {
  const details: ErrorDetail[] = [];
  const causes: Buffer[] = [];
  let retryAfterMs: number | undefined;
  for (let at = start; payload.length - at >= FIELD_BYTES; ) {
    const from = at + FIELD_BYTES;
    const to = from + payload.readUInt32LE(at + 1);
    if (to > payload.length) break;
    const bytes = payload.subarray(from, to);
    const tag = payload.readUInt8(at);
    if (tag === RETRY_AFTER && bytes.length === 4) retryAfterMs = bytes.readUInt32LE(0);
    else if (tag === DETAIL && details.length < MOST_DETAILS) addDetail(details, bytes);
    else if (tag === CAUSE && causes.length < MOST_CAUSES) causes.push(bytes);
    at = to;
  }
  return {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(details.length > 0 && { details }),
    ...(causes.length > 0 && { cause: chainOf(causes) }),
  };
}

function addDetail(details: ErrorDetail[], bytes: Buffer): void {
  if (bytes.length < 2) return;
  const nameEnd = 2 + bytes.readUInt16LE(0);
  if (nameEnd > bytes.length) return;
  details.push({ typeName: bytes.toString('utf8', 2, nameEnd), bytes: new Uint8Array(bytes.subarray(nameEnd)) });
}

/** The causes as errors, each the cause of the one before it. Their stacks are where they came from, and stay there. */
function chainOf(causes: readonly Buffer[]): Error | undefined {
  return causes.reduceRight<Error | undefined>((cause, bytes) => {
    if (bytes.length < 3) return cause;
    const status = bytes.readUInt8(0);
    const messageAt = Math.min(bytes.length, 3 + bytes.readUInt16LE(1));
    const word = bytes.toString('utf8', 3, messageAt);
    const message = bytes.toString('utf8', messageAt);
    const error =
      status === 0
        ? plainError(word, message, cause)
        : new RpcError(statusName(status), message, { reason: word, cause });
    Object.defineProperty(error, 'stack', { value: `${error.name}: ${message}`, configurable: true, writable: true });
    return error;
  }, undefined);
}

function plainError(name: string, message: string, cause: Error | undefined): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  Object.defineProperty(error, 'name', { value: name === '' ? 'Error' : name, configurable: true, writable: true });
  return error;
}
