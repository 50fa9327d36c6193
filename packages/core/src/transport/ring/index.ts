export type { Doorbell } from './doorbell.js';
export * from './layout.js';
export * from './options.js';
export { RingLink, type RingLinkOptions } from './ring-link.js';
export { WAIT_STRATEGIES, type WaitStrategy } from './spinner.js';
