import { Reason, RpcError } from '../errors/index.js';
import type { Transport } from '../transport/index.js';
import type { LazyTransport } from './tokens.js';

export interface PackagedTransport {
  readonly scheme: string;
  /** The npm package that brings it, such as `@callgate/transport-shm`. */
  readonly package: string;
  /** What the package exports it as, such as `shmTransport`. */
  readonly export: string;
  /** `createRequire(import.meta.url)` of the module that names the package, since that decides where it is looked for. */
  readonly require: NodeJS.Require;
}

/**
 * A transport whose package is loaded, synchronously, when its scheme is first used. Loading throws RpcError
 * FAILED_PRECONDITION: PACKAGE_MISSING when the package is not installed, BAD_PLUGIN when it is, and cannot be used.
 */
export function packagedTransport(from: PackagedTransport): LazyTransport {
  return { scheme: from.scheme, load: () => load(from), installed: () => missing(from) === undefined };
}

/** Why the package cannot be found, or undefined when it can. */
function missing({ require, package: name }: PackagedTransport): unknown {
  try {
    require.resolve(name);
    return undefined;
  } catch (cause) {
    return cause;
  }
}

function load(from: PackagedTransport): Transport {
  // Apart from loading, so that a dependency missing inside the package is not taken for the package itself.
  const cause = missing(from);
  if (cause !== undefined) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw unusable(from, String(cause), cause);
    throw new RpcError(
      'FAILED_PRECONDITION',
      `the scheme "${from.scheme}:" needs the package ${from.package}, which is not installed; ` +
        `install it with: npm install ${from.package}`,
      { reason: Reason.PACKAGE_MISSING, failed: 'channel', cause },
    );
  }
  let exports: Record<string, unknown>;
  try {
    exports = from.require(from.package);
  } catch (cause) {
    if (RpcError.is(cause)) throw cause;
    throw unusable(from, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const transport = exports[from.export];
  if (typeof transport !== 'object' || transport === null || (transport as Transport).scheme !== from.scheme) {
    throw unusable(
      from,
      `it has no export "${from.export}" for that scheme; are the versions of the packages the same?`,
    );
  }
  return transport as Transport;
}

function unusable(from: PackagedTransport, why: string, cause?: unknown): RpcError {
  const message = `the package ${from.package} for the scheme "${from.scheme}:" could not be loaded: ${why}`;
  return new RpcError('FAILED_PRECONDITION', message, { reason: 'BAD_PLUGIN', failed: 'channel', cause });
}
