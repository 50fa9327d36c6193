export { createClientOn } from './async-client.js';
export type { ClientStats } from './calls-in-flight.js';
export {
  type ConnectivityState,
  type ReconnectOptions,
  type StateListener,
  type Target,
  targetProblem,
} from './connection/index.js';
export type { CallMetadataOptions, CallOptions, ClientDirection, ClientOptions } from './options.js';
export type { AsyncClientChannel, Client, ClientChannel, SyncClient, SyncClientChannel } from './stub.js';
export { createSyncClientOn } from './sync-client.js';
