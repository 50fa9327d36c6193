export type { InterceptedCall, Interceptor, Timeout, TimeoutPolicy } from './channel/index.js';
export { parseTimeout } from './channel/index.js';
export * from './client/index.js';
export * from './codec/index.js';
export * from './errors/index.js';
export * from './server/index.js';
export * from './transport/index.js';
