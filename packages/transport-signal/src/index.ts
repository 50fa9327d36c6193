export type { SignalOptions } from './options.js';
export { signalTransport } from './transport.js';
