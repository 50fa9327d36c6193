export * from './contract.js';
export * from './message-type.js';
export * from './schema.js';
export * from './schema-table.js';
export * from './service.js';
export * from './wire/index.js';
