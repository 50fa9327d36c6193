export type { CallContext, Handlers } from './handlers.js';
export type { ServerOptions } from './options.js';
export { createServerOn, type ListenResolver, type ListenTarget, type Server, type ServerStats } from './server.js';
