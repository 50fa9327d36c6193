export type { ShmOptions } from './memfd/options.js';
export { shmTransport } from './memfd/transport.js';
export type { PosixShmOptions } from './posix/options.js';
export { posixShmTransport } from './posix/transport.js';
export type { SimpleShmOptions } from './simple/options.js';
export { simpleShmTransport } from './simple/transport.js';
export type { SysvShmOptions } from './sysv/options.js';
export { sysvShmTransport } from './sysv/transport.js';
