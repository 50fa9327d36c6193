export type { Doorbell } from './doorbell.js';
export * from './layout.js';
export * from './options.js';
export { RingLink, type RingLinkOptions, WaysLink, type WaysLinkOptions } from './ring-link.js';
export { WAIT_STRATEGIES, type WaitStrategy } from './spinner.js';
export { type MessageReader, type MessageWriter, RingCorrupt, RingOversize } from './ways.js';
