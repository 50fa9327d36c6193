export * from './addon.js';
export { type AddonResult, loadAddon, tryLoadAddon } from './load.js';
export * from './message-queue.js';
export { limit as messageQueueLimit, type QueueRow, queueRows } from './message-queue-errors.js';
