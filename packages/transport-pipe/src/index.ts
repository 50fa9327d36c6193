export type { FifoOptions } from './fifo/options.js';
export { createFifoTransport, fifoTransport } from './fifo/transport.js';
export type { PipeOptions } from './pipe/options.js';
export { type PipedChild, type SpawnPlace, type SpawnWithPipesOptions, spawnWithPipes } from './pipe/spawn.js';
export { createPipeTransport, pipeTransport } from './pipe/transport.js';
