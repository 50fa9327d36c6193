import { Reason, RpcError } from '../errors/index.js';
import { addUnchecked, entriesOf, freezeMetadata, keyProblem, Metadata, textProblem } from './metadata.js';

/**
 * The headers section of a message, between envelope and payload: entries one after the other, little-endian.
 *
 * ```
 *      0        1        2        3        4        5
 *  +--------+--------+--------+--------+--------+--------+-----------+-------------+
 *  |  part  |key len |           value length            |    key    |    value    |
 *  +--------+--------+--------+--------+--------+--------+-----------+-------------+
 * ```
 *
 * part: 0 in front of the first message (of a request, too), 1 behind the last one (trailers). The key is ASCII; the
 * value of one that ends in `-bin` is bytes, any other's is UTF-8. A value may be empty.
 */
const ENTRY_BYTES = 6;
const HEADER = 0;
const TRAILER = 1;

/** Bytes of metadata that a message carries where nobody says otherwise. gRPC's default too. */
export const DEFAULT_METADATA_BYTES = 8192;

/** What came with one message. */
export interface MetadataParts {
  readonly headers: Metadata;
  readonly trailers: Metadata;
}

/** What came where nothing came. Nobody writes into it. */
export const NO_METADATA: MetadataParts = { headers: new Metadata(), trailers: new Metadata() };
freezeMetadata(NO_METADATA.headers, 'what came is only to be read');
freezeMetadata(NO_METADATA.trailers, 'what came is only to be read');

/** The block for what is to be sent; undefined when there is nothing. */
export function encodeMetadata(headers: Metadata | undefined, trailers?: Metadata): Buffer | undefined {
  const entries = [...encoded(headers, HEADER), ...encoded(trailers, TRAILER)];
  return entries.length === 0 ? undefined : Buffer.concat(entries);
}

function* encoded(metadata: Metadata | undefined, part: number): Iterable<Uint8Array> {
  if (metadata === undefined) return;
  for (const [key, values] of entriesOf(metadata)) {
    for (const value of values) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      const head = Buffer.allocUnsafe(ENTRY_BYTES + key.length);
      head.writeUInt8(part, 0);
      head.writeUInt8(key.length, 1);
      head.writeUInt32LE(bytes.length, 2);
      head.write(key, ENTRY_BYTES, 'latin1');
      yield head;
      yield bytes;
    }
  }
}

/** Untrusted input: throws DATA_LOSS (PROTOCOL_VIOLATION), in words, for any bytes that are no block. Copies what it keeps. */
export function decodeMetadata(bytes: Buffer, start: number, end: number, address: string): MetadataParts {
  // What is checked must be what is kept, though the memory may be the peer's.
  const block = Buffer.from(bytes.subarray(start, end));
  const parts: MetadataParts = { headers: new Metadata(), trailers: new Metadata() };
  for (let at = 0; at < block.length; ) {
    if (block.length - at < ENTRY_BYTES) throw malformed(address, at, 'an entry is cut off');
    const part = block.readUInt8(at);
    const valueAt = at + ENTRY_BYTES + block.readUInt8(at + 1);
    const next = valueAt + block.readUInt32LE(at + 2);
    if (part > TRAILER) throw malformed(address, at, `an entry is neither a header nor a trailer, but ${part}`);
    if (next > block.length) throw malformed(address, at, 'an entry is longer than the block');
    const key = block.toString('latin1', at + ENTRY_BYTES, valueAt);
    const problem = keyProblem(key);
    if (problem !== undefined) throw malformed(address, at, problem);
    addUnchecked(part === HEADER ? parts.headers : parts.trailers, key, valueIn(block, key, valueAt, next, address));
    at = next;
  }
  return parts;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function valueIn(block: Buffer, key: string, start: number, end: number, address: string): string | Uint8Array {
  const bytes = new Uint8Array(block.subarray(start, end));
  if (key.endsWith('-bin')) return bytes;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw malformed(address, start, `the text of key "${key}" is not UTF-8`);
  }
  const problem = textProblem(text);
  if (problem !== undefined) throw malformed(address, start, `key "${key}": ${problem}`);
  return text;
}

function malformed(address: string, at: number, what: string): RpcError {
  const words = `the peer at ${address} broke the protocol: it sent metadata that can't be read: ${what} (at byte ${at})`;
  return new RpcError('DATA_LOSS', words, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
}

/** Metadata that is over a limit, of this side or of the peer. */
export function metadataTooLarge(bytes: number, most: number): RpcError {
  const words = `the metadata has ${bytes} bytes; at most ${most} are permitted (the smaller of both sides' maxMetadataBytes)`;
  return new RpcError('RESOURCE_EXHAUSTED', words, { reason: Reason.METADATA_TOO_LARGE });
}
