import { createServer, type Server } from '../index.js';
import type { TellEvent } from './serve-events.js';
import { addServices } from './serve-module.js';

/** Listens at each of the URLs, or (without any) where the configuration says. */
export async function listenAt(server: Server, urls: readonly string[]): Promise<readonly string[]> {
  if (urls.length === 0) return server.listen();
  const all: string[] = [];
  for (const url of urls) all.push(...(await server.listen(url)));
  return all;
}

/** Serves a module in this process, which ends when it has drained. Rejects when it can't be served. */
export async function serveOne(
  module: string,
  urls: readonly string[],
  drainMs: number,
  tell: TellEvent,
): Promise<void> {
  const server = createServer();
  await addServices(module, server);
  const who = { process: 1, pid: process.pid } as const;
  const listening = await listenAt(server, urls);
  const signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];
  server.drainOnSignals(signals, { timeoutMs: drainMs });
  const leave = (): void => {
    // The second signal is to do what it does by default.
    for (const signal of signals) process.off(signal, leave);
    tell({ event: 'draining', ...who });
    void server.drain().then(() => {
      tell({ event: 'stopped', exitCode: 0 });
      process.exit(0);
    });
  };
  for (const signal of signals) process.on(signal, leave);
  tell({ event: 'listening', ...who, urls: listening });
}
