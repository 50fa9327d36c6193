export type { Config } from './config/config.js';
export type { Folded, Where } from './config/fold.js';
export type { ConfigInput, InterceptorSetting, PolicyText, ServiceSettings } from './config/settings.js';
export { findConfig } from './config/source.js';
export { type Callgate, createGate } from './gate.js';
export type { ClientSettings, ServerSettings, SyncClientSettings } from './gate-settings.js';
export { createKernel, type Kernel, type KernelOptions, type Target } from './kernel.js';
export { type PackagedInterceptor, packagedInterceptor } from './load-interceptor.js';
export { type PackagedTransport, packagedTransport } from './load-package.js';
export type { WorkerProgram } from './pool/means.js';
export type { WorkerSetup } from './pool/setup.js';
export { runWorker } from './pool/worker.js';
export { createRegistry, type Registry } from './registry.js';
export {
  CODEC,
  type Codec,
  INTERCEPTOR,
  INTERCEPTOR_FACTORY,
  type InterceptorFactory,
  type InterceptorOptions,
  type LazyTransport,
  type Plugin,
  TRANSPORT,
  type TransportPlugin,
} from './tokens.js';
