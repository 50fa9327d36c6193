import { addUnchecked, entriesOf, Metadata } from './metadata.js';
import { encodeMetadata } from './metadata-block.js';

/** How many attempts at the same call came before, as decimal text. Not sent with the first. gRPC: grpc-previous-rpc-attempts. */
const KEY = 'callgate-previous-attempts';

/** The block of a request's metadata (undefined: there is none) with the number of attempts before it. */
export function blockWithAttempts(metadata: Metadata | undefined, attempts: number): Buffer | undefined {
  const sent = new Metadata();
  for (const [key, values] of metadata === undefined ? [] : entriesOf(metadata)) {
    for (const value of values) addUnchecked(sent, key, value);
  }
  addUnchecked(sent, KEY, String(attempts));
  return encodeMetadata(sent);
}

/** What came is the caller's word: anything but a whole number counts as none. */
export function previousAttempts(metadata: Metadata): number {
  const [text] = entriesOf(metadata).get(KEY) ?? [];
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
