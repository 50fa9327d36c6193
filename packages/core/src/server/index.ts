export type { CloseOptions, ListenResolver, ListenTarget, Server } from './contract.js';
export type { DrainOptions } from './drain.js';
export type { CallContext, EndingCall, Handlers } from './handlers.js';
export { createOffering, type OfferingOptions, offer } from './offer.js';
export type { ServerOptions } from './options.js';
export type { PeerChannel } from './peer-channel.js';
export type { PoolEvents, PoolListener } from './pool/events.js';
export type { PoolStats, ServerPool } from './pool/front.js';
export type { PoolKnobs, PoolOptions, PoolStart, ResolvedPoolKnobs } from './pool/options.js';
export { createServerOn, type ServerParts } from './server.js';
export {
  type Implemented,
  implement,
  type ServiceClass,
  type ServiceMaker,
  type ServiceModule,
} from './services.js';
export type { LatencyUs, MethodStats, ServerStats, WorkerStats } from './stats/server-stats.js';
