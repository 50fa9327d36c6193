export type { Expected, Runner, ThemeName, TransportModule, TransportTest } from './options.js';
export { testTransport } from './suite.js';
