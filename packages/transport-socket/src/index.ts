export type { UnixOptions } from './options.js';
export { createUnixTransport, unixTransport } from './transport.js';
