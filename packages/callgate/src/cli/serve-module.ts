import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Reason, RpcError } from '@callgate/core/errors';
import type { Server } from '../index.js';

/** What a module to be served exports by default. */
export type AddServices = (server: Server) => unknown;

/** Throws RpcError INVALID_ARGUMENT (BAD_OPTION) when there is no such module, or it can't be used. */
export async function loadModule(path: string): Promise<AddServices> {
  const file = resolve(path);
  if (!existsSync(file)) throw bad(`${path}: there is no such file`);
  let exports: { readonly default?: unknown };
  try {
    exports = (await import(pathToFileURL(file).href)) as typeof exports;
  } catch (error) {
    throw bad(`${path} could not be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const found = exports.default;
  if (typeof found === 'function') return found as AddServices;
  const words =
    found === undefined
      ? 'it has no default export'
      : `its default export is ${found === null ? 'null' : `a ${typeof found}`}`;
  throw bad(
    `${path}: ${words}; expected a function that adds services: export default (server) => server.add(Geo, geo)`,
  );
}

/** Has the module add its services; returns their names. Throws what the module does, and when it adds none. */
export async function addServices(path: string, server: Server): Promise<readonly string[]> {
  const add = await loadModule(path);
  const services: string[] = [];
  const noting: Server = new Proxy(server, {
    get(target, key) {
      if (key !== 'add') return Reflect.get(target, key) as unknown;
      return (...args: Parameters<Server['add']>) => {
        target.add(...args);
        services.push(args[0].typeName);
        return noting;
      };
    },
  });
  await add(noting);
  if (services.length === 0) throw bad(`${path}: its function has added no service to the server`);
  return services;
}

function bad(words: string, cause?: unknown): RpcError {
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION, cause });
}
