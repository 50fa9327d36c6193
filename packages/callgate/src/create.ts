import {
  type Callgate,
  type ConfigInput,
  createGate,
  createKernel,
  findConfig,
  type Kernel,
  type Plugin,
} from '@callgate/core/kernel';
import { standardInterceptors } from './interceptors.js';
import { standardTransports } from './schemes.js';

export interface CallgateOptions {
  /**
   * A file's path (.yaml, .yml or .json) or the settings themselves; `{}` for none.
   * @default the file that $CALLGATE_CONFIG names, else callgate.yaml, .yml or .json of the current directory, else none
   */
  readonly config?: string | ConfigInput | undefined;
  /** Where the variables that override the configuration are looked for; `{}` for nowhere. @default process.env */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What is plugged in beside the standard transports and interceptors; what has the name of one of them takes its place. */
  readonly plugins?: readonly Plugin[] | undefined;
}

/**
 * Makes an own composition of configuration and plug-ins, for programs that do not want the one of this package's
 * functions. Throws RpcError INVALID_ARGUMENT (BAD_CONFIG) with every problem of the configuration.
 */
export function createCallgate(options: CallgateOptions = {}): Callgate {
  const { config, env } = options;
  return createGate(compose(options), {
    program: new URL('./pool-worker.js', import.meta.url),
    // What is plugged in here are functions, which no other thread can be given: a pool's setup has its own.
    composition: { config, ...(env !== undefined && env !== process.env && { env: { ...env } }) },
  });
}

/** What is behind a Callgate. */
export function compose(options: CallgateOptions): Kernel {
  const { env = process.env, plugins = [] } = options;
  const config = options.config ?? findConfig(env, process.cwd());
  const taken = new Set(plugins.flatMap((plugin) => plugin.transports ?? []).map((transport) => transport.scheme));
  const standard = standardTransports.filter((transport) => !taken.has(transport.scheme));
  const own = new Set(plugins.flatMap((plugin) => plugin.interceptorFactories ?? []).map((factory) => factory.name));
  const known = standardInterceptors.filter((factory) => !own.has(factory.name));
  return createKernel({
    ...(config !== undefined && { config }),
    env,
    plugins: [{ transports: standard, interceptorFactories: known }, ...plugins],
  });
}
