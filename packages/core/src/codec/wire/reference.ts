/**
 * Bytes fields whose content lies elsewhere, in memory that both sides see: in the message stands a reference of
 * REFERENCE_BYTES in its place. Who sends and who receives the message say what such references mean, around the calls
 * of `size`, `encode` and `decode`.
 */

/** Bytes of a reference. */
export const REFERENCE_BYTES = 16;
/** Shorter bytes are always copied into the message: that is cheaper than to hand memory over and back. */
export const LEAST_REFERRED_BYTES = 32_768;

export interface Referrer {
  /** What is to stand in the message for `value`; undefined when that is to be copied. The same for the same value. */
  refer(value: Uint8Array): Uint8Array | undefined;
}

export interface Resolver {
  /** What the content `bytes[start, start + REFERENCE_BYTES)` of a field refers to; undefined when that is itself meant. */
  resolve(bytes: Uint8Array, start: number): Uint8Array | undefined;
}

/** Of the message that is being encoded or decoded now; undefined, as for most, when it refers to nothing. */
export const references: { referrer: Referrer | undefined; resolver: Resolver | undefined } = {
  referrer: undefined,
  resolver: undefined,
};

/** What is to be written for the value of a bytes field. */
export function referred(value: Uint8Array): Uint8Array {
  const { referrer } = references;
  if (referrer === undefined || value.length < LEAST_REFERRED_BYTES) return value;
  return referrer.refer(value) ?? value;
}
