/** What other programs of this workspace measure with. */

export * from './bare.js';
export * from './certificate.js';
export * from './children.js';
export type { Measurement } from './client-main.js';
export * from './format.js';
export * from './grpc.js';
export * from './leftovers.js';
export { measureNotify, type NotifyRow } from './notify/notify.js';
export * from './recorder.js';
export * from './table.js';
export { type Dialogue, type Timing, timeAsync, timeSync } from './timing.js';
export * from './usage.js';
