export type { CallContext, Handlers, PeerChannel } from './handlers.js';
export type { ServerOptions } from './options.js';
export {
  type CloseOptions,
  createServerOn,
  type ListenResolver,
  type ListenTarget,
  type Server,
  type ServerStats,
} from './server.js';
