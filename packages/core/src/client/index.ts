export { createClientOn } from './async-client.js';
export { createCallbacks } from './callbacks.js';
export type { ClientStats } from './calls-in-flight.js';
export {
  type AddressStats,
  BALANCES,
  type Balance,
  type ConnectivityState,
  type ReconnectOptions,
  type StateListener,
  type Target,
  targetProblem,
} from './connection/index.js';
export { forbidSyncCalls } from './forbid-sync.js';
export type { CallbackOptions, CallMetadataOptions, CallOptions, ClientDirection, ClientOptions } from './options.js';
export {
  type ResolvedRetryPolicy,
  type RetryPolicy,
  RetryThrottle,
  type RetryThrottling,
  resolveRetry,
  retryBackoffMs,
} from './retry/index.js';
export type { AsyncClientChannel, Client, ClientChannel, SyncClient, SyncClientChannel } from './stub.js';
export { createSyncClientOn } from './sync-client.js';
