export type { CallContext, Handlers } from './handlers.js';
export { createOffering, type OfferingOptions, offer } from './offer.js';
export type { ServerOptions } from './options.js';
export type { PeerChannel } from './peer-channel.js';
export {
  type CloseOptions,
  createServerOn,
  type ListenResolver,
  type ListenTarget,
  type Server,
  type ServerStats,
} from './server.js';
