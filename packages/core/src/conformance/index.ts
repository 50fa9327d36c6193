export type { NotificationTest } from './notifications/options.js';
export { testNotifications } from './notifications/suite.js';
export type { Expected, Runner, ThemeName, TransportModule, TransportTest } from './options.js';
export { testTransport } from './suite.js';
