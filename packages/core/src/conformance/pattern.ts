/**
 * What messages contain: bytes that follow from the message's number, so that a receiver can tell lost, doubled,
 * swapped, torn and damaged messages from right ones without having seen what was sent.
 */

/** Odd, and no multiple of a power of two, so that shifted blocks never look right. */
const TABLE_BYTES = 65_521;
const table = makeTable();

function makeTable(): Buffer {
  const bytes = Buffer.alloc(TABLE_BYTES);
  let state = 0x2545f491;
  for (let i = 0; i < TABLE_BYTES; i++) {
    state = xorshift(state);
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Marsaglia, Xorshift RNGs, 2003: the (13, 17, 5) generator. Never 0. */
function xorshift(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x;
}

/** Where in the table message `index` begins. 31,337 and the table's size have no common factor. */
const origin = (index: number): number => (index * 31_337) % TABLE_BYTES;

/** Writes the content of message `index` into `bytes[start, end)`. */
export function write(index: number, bytes: Buffer, start: number, end: number): void {
  let from = origin(index);
  for (let at = start; at < end; ) {
    const count = Math.min(end - at, TABLE_BYTES - from);
    table.copy(bytes, at, from, from + count);
    at += count;
    from = 0;
  }
}

/** Offset, from `start`, of the first byte of `bytes[start, end)` that message `index` does not have; -1 when all is right. */
export function firstWrong(index: number, bytes: Buffer, start: number, end: number): number {
  let from = origin(index);
  for (let at = start; at < end; ) {
    const count = Math.min(end - at, TABLE_BYTES - from);
    if (bytes.compare(table, from, from + count, at, at + count) !== 0) {
      let i = 0;
      while (bytes[at + i] === table[from + i]) i++;
      return at + i - start;
    }
    at += count;
    from = 0;
  }
  return -1;
}

/** A repeatable source of numbers: integers in [0, below). */
export function seeded(seed: number): (below: number) => number {
  let state = seed || 1;
  return (below) => {
    state = xorshift(state);
    return (state >>> 0) % below;
  };
}
