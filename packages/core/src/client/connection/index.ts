export { type ReconnectOptions, type ResolvedReconnectOptions, resolveReconnectOptions } from './backoff.js';
export { BALANCES, type Balance, resolveBalance } from './balance.js';
export { IMMEDIATE_CONNECT_MS } from './connection.js';
export { Connectivity, type ConnectivityState, type StateListener } from './connectivity.js';
export type { OpenChannel } from './open-channel.js';
export { type Target, targetProblem } from './target.js';
export type { AddressStats, Way } from './way.js';
export { wayTo } from './way-to.js';
