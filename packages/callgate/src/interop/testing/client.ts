/** Runs the interop cases over one transport, awaited and blocking, against a server that it starts; prints what came of each. */
import { createClient, createSyncClient, RpcError, type TransportOptions } from '../../index.js';
import { asyncCases } from './cases-async.js';
import { syncCases } from './cases-sync.js';
import { Absent, Test } from './gen/interop.js';
import type { Around, Case } from './payloads.js';
import { type Started, startServer } from './start.js';

/** What came of a case: `ok`, or the code and the words of what was thrown. */
export type Outcome = 'ok' | { readonly code: string; readonly words: string };

const [scheme = '', folder = '', certificate = '{}', crowd, pool = ''] = process.argv.slice(2);
const outcomes: Record<string, Outcome> = {};

async function runAll<C>(mode: string, cases: readonly Case<C>[], client: C, absent: Around['absent']) {
  for (const { name, run } of cases) {
    try {
      await run(client, { absent, crowd: Number(crowd) });
      outcomes[`${mode} ${name}`] = 'ok';
    } catch (error) {
      const code = RpcError.is(error) ? error.code : 'thrown';
      outcomes[`${mode} ${name}`] = { code, words: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Over pipes there is one link to a server: whoever wants another starts another. */
async function anotherServer(): Promise<Started> {
  return scheme === 'pipe' ? await startServer(scheme, folder, {}, pool) : server;
}

const server = await startServer(scheme, folder, JSON.parse(certificate) as TransportOptions, pool);
const servers = new Set([server]);
const settings = { timeout: 30_000, transport: server.transport };
const meet = async (): Promise<string> => {
  const met = await anotherServer();
  servers.add(met);
  return met.url;
};

const client = createClient(Test, server.url, settings);
const absent = createClient(Absent, await meet(), settings);
await runAll('awaited', asyncCases, client, absent);
await client.$close();
await absent.$close();

const blocking = createSyncClient(Test, await meet(), settings);
const blockingAbsent = createSyncClient(Absent, await meet(), settings);
await runAll('blocking', syncCases, blocking, blockingAbsent);
blocking.$close();
blockingAbsent.$close();
for (const { stop } of servers) await stop();
process.stdout.write(JSON.stringify(outcomes));
