/**
 * Where a duration is counted: slots that are 1 ns wide below 256 ns, and within 1 % of their value above. They are those of
 * HdrHistogram with two significant digits, found without its powers and logarithms, which take as long as a fast call's
 * codecs: see docs/decisions.
 */
const SUB_BUCKETS = 256;
const HALF = SUB_BUCKETS / 2;
/** Longer ones count as that long. */
export const LONGEST_NS = 3600e9;

/** @param ns of 0 or more */
export function slotOf(ns: number): number {
  if (ns < SUB_BUCKETS) return Math.floor(ns);
  const most = Math.min(ns, LONGEST_NS);
  const exponent = most < 2 ** 32 ? 31 - Math.clz32(most) : 63 - Math.clz32(most / 2 ** 32);
  const shift = exponent - 7;
  return shift * HALF + Math.floor(most / 2 ** shift);
}

export const SLOTS = slotOf(LONGEST_NS) + 1;

/** The shortest duration that is counted there, in ns. */
export function shortestIn(slot: number): number {
  if (slot < SUB_BUCKETS) return slot;
  const shift = Math.floor(slot / HALF) - 1;
  return (slot - shift * HALF) * 2 ** shift;
}
