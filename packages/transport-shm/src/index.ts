export type { ShmOptions } from './options.js';
export { shmTransport } from './transport.js';
