export * from './addon.js';
export * from './addon-shared.js';
export { type AddonResult, loadAddon, tryLoadAddon } from './load.js';
export * from './message-queue.js';
export { limit as messageQueueLimit, type QueueRow, queueRows } from './message-queue-errors.js';
export {
  createSemaphore,
  type Semaphore,
  type SemaphoreOptions,
  type SemaphoreTimeout,
} from './semaphore.js';
export { setInWords } from './semaphore-errors.js';
export {
  createSharedMemory,
  isWhole,
  posixInWords,
  type SharedMemory,
  type SharedMemoryOptions,
  type SharedMemoryOwner,
  segmentInWords,
} from './shared-memory.js';
export { type Create, hexKey, type KeyOrName, keyOf, posixName, systemError } from './system-v.js';
