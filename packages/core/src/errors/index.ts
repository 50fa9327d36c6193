export * from './code.js';
export * from './errno.js';
export * from './metadata-view.js';
export * from './reason.js';
export * from './rpc-error.js';
