import type { Callgate } from '@callgate/core/kernel';
import { createCallgate } from './create.js';

export type {
  Address,
  AddressStats,
  AllowRule,
  AsyncClientChannel,
  Balance,
  CallbackOptions,
  CallContext,
  CallObserver,
  CallOptions,
  Capabilities,
  ChannelEnd,
  Client,
  ClientChannel,
  ClientDirection,
  ClientStats,
  CloseOptions,
  CodeName,
  ConnectivityState,
  Credentials,
  DefinedError,
  DefinedErrorClass,
  DefinedErrorOptions,
  DetailType,
  Direction,
  DrainOptions,
  ErrorDefinition,
  ErrorDetail,
  ErrorFields,
  FailedPart,
  Handle,
  Handlers,
  Implemented,
  InterceptedCall,
  InterceptedContext,
  Interceptor,
  LatencyUs,
  LinkEnd,
  MessageInit,
  MessageType,
  MetadataInit,
  MetadataValue,
  MetadataView,
  MethodDefinition,
  MethodKind,
  MethodMap,
  MethodStats,
  NextInterceptor,
  ObservableLike,
  Offer,
  OfferingOptions,
  Overflow,
  PacedSource,
  ParentCall,
  Peer,
  PeerCertificate,
  PeerChannel,
  PeerDeathListener,
  PoolEvents,
  PoolKnobs,
  PoolOptions,
  PoolStats,
  ReconnectOptions,
  RetryPolicy,
  RetryThrottling,
  RpcErrorOptions,
  Server,
  ServerPool,
  ServerStats,
  ServiceClass,
  ServiceDefinition,
  ServiceModule,
  StreamSource,
  SyncClient,
  SyncClientChannel,
  Timeout,
  TimeoutPolicy,
  Transport,
  TransportOptions,
  WorkerStats,
} from '@callgate/core';
export {
  Code,
  defineError,
  detail,
  forbidSyncCalls,
  handleOf,
  implement,
  Metadata,
  observeCall,
  offer,
  Reason,
  RpcError,
  RpcStream,
  releaseLoan,
  withOverflow,
} from '@callgate/core';
export type {
  Callgate,
  ClientSettings,
  Codec,
  ConfigInput,
  InterceptorFactory,
  InterceptorOptions,
  InterceptorSetting,
  LazyTransport,
  PackagedInterceptor,
  PackagedTransport,
  Plugin,
  ServerSettings,
  ServiceSettings,
  SyncClientSettings,
  TransportPlugin,
  WorkerSetup,
} from '@callgate/core/kernel';
export { packagedInterceptor, packagedTransport } from '@callgate/core/kernel';
export { type CallgateOptions, createCallgate } from './create.js';

let gate: Callgate | undefined;

/** The composition of this module's functions, made by the first of them that is called, once per thread. */
function shared(): Callgate {
  gate ??= createCallgate();
  return gate;
}

/** As `Callgate.createClient`, with the configuration that is found where the program runs. */
export const createClient: Callgate['createClient'] = (service, at, settings) =>
  shared().createClient(service, at, settings);

/** As `Callgate.createSyncClient`, with the configuration that is found where the program runs. */
export const createSyncClient: Callgate['createSyncClient'] = (service, at, settings) =>
  shared().createSyncClient(service, at, settings);

/** As `Callgate.createServer`, with the configuration that is found where the program runs. */
export const createServer: Callgate['createServer'] = (settings) => shared().createServer(settings);
