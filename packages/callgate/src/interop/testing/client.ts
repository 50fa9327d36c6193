/** Runs the interop cases over one transport, awaited and blocking, against a server that it starts; prints what came of each. */
import { createClient, createSyncClient, RpcError, type TransportOptions } from '../../index.js';
import { asyncCases } from './cases-async.js';
import { syncCases } from './cases-sync.js';
import { Absent, Test } from './gen/interop.js';
import type { Around, Case } from './payloads.js';
import { startServer } from './start.js';

/** What came of a case: `ok`, or the code and the words of what was thrown. */
export type Outcome = 'ok' | { readonly code: string; readonly words: string };

const [scheme, folder, certificate, crowd] = process.argv.slice(2) as [string, string, string, string];
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

const server = await startServer(scheme, folder, JSON.parse(certificate) as TransportOptions);
const { url, transport } = server;
const settings = { timeout: 30_000, transport };
const client = createClient(Test, url, settings);
// Over pipes there is one link only, and the first client has it.
const absent = scheme === 'pipe' ? undefined : createClient(Absent, url, settings);
const noAbsent = { unimplemented: () => client.unimplemented({}) };
await runAll('awaited', asyncCases, client, absent ?? noAbsent);
await client.$close();
await absent?.$close();
if (scheme === 'pipe') await server.stop();
const again = scheme === 'pipe' ? await startServer(scheme, folder, {}) : server;
const blocking = createSyncClient(Test, again.url, settings);
const blockingAbsent = scheme === 'pipe' ? undefined : createSyncClient(Absent, url, settings);
const noBlockingAbsent = { unimplemented: () => blocking.unimplemented({}) };
await runAll('blocking', syncCases, blocking, blockingAbsent ?? noBlockingAbsent);
blocking.$close();
blockingAbsent?.$close();
await again.stop();
process.stdout.write(JSON.stringify(outcomes));
