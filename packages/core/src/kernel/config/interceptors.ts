import type { Interceptor } from '../../channel/interceptor.js';
import { RpcError } from '../../errors/index.js';
import { interceptorFromModule, namesModule } from '../load-interceptor.js';
import type { Registry } from '../registry.js';
import { didYouMean } from '../suggest.js';
import type { InterceptorOptions } from '../tokens.js';
import type { Problem } from './problem.js';
import type { InterceptorSetting } from './settings.js';

/** A configured interceptor: its name, and its options. */
interface Named {
  readonly name: string;
  readonly options: InterceptorOptions;
}

function named(setting: InterceptorSetting): Named {
  if (typeof setting === 'string') return { name: setting, options: {} };
  const [[name, options] = ['', {}]] = Object.entries(setting);
  return { name, options: options ?? {} };
}

/** Interceptors that are configured, made anew. `folder`: whence their paths lead. Throws what making one throws. */
export function configuredInterceptors(
  settings: readonly InterceptorSetting[] = [],
  registry: Registry,
  folder: string,
): readonly Interceptor[] {
  return settings.map(named).map(({ name, options }) => {
    const factory = registry.interceptorFactories().find((candidate) => candidate.name === name);
    if (factory !== undefined) return factory.create(options);
    if (namesModule(name)) return interceptorFromModule(name, folder, options);
    throw new RpcError('INVALID_ARGUMENT', unknownName(name, registry), { reason: 'BAD_CONFIG' });
  });
}

/** Names and options that do not do. Modules of users are not loaded for that: they may do anything. */
export function interceptorProblems(
  settings: readonly InterceptorSetting[] = [],
  registry: Registry,
): { problems: Problem[]; unchecked: Problem[] } {
  const problems: Problem[] = [];
  const unchecked: Problem[] = [];
  for (const { name, options } of settings.map(named)) {
    const factory = registry.interceptorFactories().find((candidate) => candidate.name === name);
    const problem = (message: string): Problem => ({ path: ['interceptors'], message });
    if (factory === undefined) {
      if (!namesModule(name)) problems.push(problem(unknownName(name, registry)));
      continue;
    }
    try {
      factory.create(options);
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      const of = error.code === 'FAILED_PRECONDITION' ? unchecked : problems;
      of.push(problem(error.message.startsWith(name) ? error.message : `${name}: ${error.message}`));
    }
  }
  return { problems, unchecked };
}

function unknownName(name: string, registry: Registry): string {
  const known = registry.interceptorFactories().map((factory) => factory.name);
  const list = known.length === 0 ? 'none is registered' : `registered: ${known.join(', ')}`;
  return `unknown interceptor "${name}"${didYouMean(name, known)}; ${list}; a module goes by its path (./${name}.js)`;
}
