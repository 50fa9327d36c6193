import { Reason, RpcError } from '@callgate/core/errors';
import type { Address, Rendezvous } from '@callgate/core/transport';
import { compose } from '../create.js';
import { eventPrinter, type TellEvent } from './serve-events.js';
import type { Report } from './serve-messages.js';
import { serveOne } from './serve-one.js';
import { Supervisor, startProcess } from './supervisor.js';

export interface ServeArguments {
  readonly url: readonly string[];
  readonly processes?: number;
  readonly config?: string;
  readonly drainTimeout: number;
  readonly json?: boolean;
}

/** Serves a module until it is told to stop; resolves to the exit code. Throws RpcError when it can't be served. */
export async function serve(module: string, options: ServeArguments): Promise<number | undefined> {
  // For the processes that are started, too.
  if (options.config !== undefined) process.env.CALLGATE_CONFIG = options.config;
  const { url: urls, processes, drainTimeout: drainMs, json = false } = options;
  const tell = eventPrinter(json, processes, (line) => void process.stdout.write(`${line}\n`));
  if (processes !== undefined) return await serveMany(module, urls, processes, drainMs, tell);
  await serveOne(module, urls, drainMs, tell);
  return undefined;
}

async function serveMany(
  module: string,
  urls: readonly string[],
  processes: number,
  drainMs: number,
  tell: TellEvent,
): Promise<number> {
  const services = await servicesOf(module);
  const places = await bindAll(services, urls);
  try {
    const supervisor = new Supervisor({ processes, module, urls, drainMs, places, tell });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => supervisor.stop());
    process.on('SIGHUP', () => supervisor.roll());
    await supervisor.start();
    const exitCode = await supervisor.stopped;
    tell({ event: 'stopped', exitCode });
    return exitCode;
  } finally {
    for (const place of places) place.close();
  }
}

/** Asks a process of its own, since whoever supervises is to run nothing of what he supervises. */
async function servicesOf(module: string): Promise<readonly string[]> {
  const child = startProcess({ do: 'list', module, urls: [], drainMs: 0, inherited: {} });
  return await new Promise((resolve, reject) => {
    child.once('message', (report: Report) => {
      if (report.says === 'services') resolve(report.services);
      if (report.says === 'failed') reject(unusable(report.why));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(unusable(`${module} ended its process ${signal === null ? `with exit code ${code}` : `by ${signal}`}`));
    });
  });
}

/** Binds where the processes are to listen together, as far as that is bound at all. */
async function bindAll(services: readonly string[], urls: readonly string[]): Promise<readonly Rendezvous[]> {
  const kernel = compose({});
  const targets =
    urls.length === 0 ? kernel.listenTargets(services) : urls.flatMap((url) => kernel.listenTargets(services, { url }));
  const bound: Rendezvous[] = [];
  try {
    for (const { address, transport, transportOptions } of targets) {
      // Whoever takes from a mailbox competes with the others by himself.
      if (transport.capabilities.addressing === 'mailbox') continue;
      if (transport.bind === undefined) throw notShared(address);
      const { descriptor, close } = await transport.bind(address, transportOptions);
      // Known by the URL at which each of the processes listens.
      bound.push({ url: address.url, descriptor, close });
    }
    return bound;
  } catch (error) {
    for (const place of bound) place.close();
    throw error;
  }
}

function notShared({ url, scheme }: Address): RpcError {
  const words = `${url}: a ${scheme}: address can't be shared by several processes; unix:, tcp:, shm:, shm+simple:, fifo: and mq: addresses can. Leave --processes out, or listen elsewhere`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

function unusable(why: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', why, { reason: Reason.BAD_OPTION });
}
