export type {
  CallObserver,
  ChannelEnd,
  ChannelLife,
  InterceptedCall,
  InterceptedContext,
  Interceptor,
  NextInterceptor,
  ObservableLike,
  Offer,
  Overflow,
  PacedSource,
  ParentCall,
  PeerDeathListener,
  StreamSource,
  Timeout,
  TimeoutPolicy,
} from './channel/index.js';
export {
  Metadata,
  type MetadataInit,
  observeCall,
  parseTimeout,
  RpcStream,
  releaseLoan,
  withOverflow,
} from './channel/index.js';
export * from './client/index.js';
export * from './codec/contract.js';
export * from './codec/schema.js';
export * from './codec/service.js';
export * from './errors/index.js';
export * from './server/index.js';
export * from './transport/index.js';
