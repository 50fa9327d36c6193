import { createRequire } from 'node:module';
import { type InterceptorFactory, packagedInterceptor } from '@callgate/core/kernel';

const require = createRequire(import.meta.url);

/** Interceptors of `@callgate/interceptors`, as configuration names them. */
const names = ['logging', 'deadline', 'retry', 'concurrency', 'circuitBreaker', 'telemetry'];

/** Every interceptor that configuration can name without more ado. Loaded when the first one is named. */
export const standardInterceptors: readonly InterceptorFactory[] = names.map((name) =>
  packagedInterceptor({ name, package: '@callgate/interceptors', export: name, require }),
);
