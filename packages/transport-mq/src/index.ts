export type { MqOptions } from './options.js';
export { mqTransport } from './transport.js';
