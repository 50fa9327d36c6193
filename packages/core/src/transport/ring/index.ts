export { type BlockMemory, type MappedBlock, RingBlocks } from './blocks.js';
export type { Doorbell, HandlesBeside } from './doorbell.js';
export {
  CPU,
  initialiseSegment,
  largestMessage,
  MAX_RING_BYTES,
  MIN_RING_BYTES,
  type RingPlace,
  ringPlace,
  type Segment,
  segmentBytes,
  segmentOver,
  segmentProblem,
} from './layout.js';
export * from './options.js';
export { RingLink, type RingLinkOptions, WaysLink, type WaysLinkOptions } from './ring-link.js';
export { WAIT_STRATEGIES, type WaitStrategy } from './spinner.js';
export { type MessageReader, type MessageWriter, RingCorrupt, RingOversize } from './ways.js';
