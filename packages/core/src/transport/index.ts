export * from './address.js';
export * from './contract.js';
export * from './inproc/index.js';
export * from './options.js';
export * from './ring/index.js';
export * from './socket-path.js';
export * from './stream/index.js';
export * from './turn.js';
