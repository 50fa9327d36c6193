export type { CloseOptions, ListenResolver, ListenTarget, Server, ServerStats } from './contract.js';
export type { CallContext, Handlers } from './handlers.js';
export { createOffering, type OfferingOptions, offer } from './offer.js';
export type { ServerOptions } from './options.js';
export type { PeerChannel } from './peer-channel.js';
export { createServerOn } from './server.js';
