export * from './contract.js';
export * from './inproc/index.js';
export * from './options.js';
export * from './ring/index.js';
export * from './turn.js';
