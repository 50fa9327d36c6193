import { join } from 'node:path';
import { type Children, missingFor, runBare, type Timing } from '@callgate/bench';
import type { ClientJob } from './client-main.js';
import type { Answers, Report, StreamMethod } from './report.js';
import type { ServerJob } from './server-main.js';

/** One line of the demo's table. */
export interface Row extends Timing {
  readonly transport: string;
  readonly mode: string;
  /** What it is for: Callgate itself, or something to compare it with. */
  readonly kind: 'callgate' | 'bare' | 'peer';
}

/** How a transport streams, in one mode. */
export interface StreamRow {
  readonly transport: string;
  readonly mode: string;
  readonly kind: Row['kind'];
  /** Messages of each method's streams; none where streams can't be had. */
  readonly perSecond: Readonly<Partial<Record<StreamMethod, number>>>;
  /** Messages that came, all compared with what the client's own index says. */
  readonly items: number;
  readonly differences: readonly string[];
  /** Why streams can't be had; null where they can. */
  readonly why: string | null;
}

/** A line for a bare mechanism. */
export interface BareRow extends Row {
  /** The transport that is built on it. */
  readonly beside: string;
}

/** What one client had to say. */
export interface Stage {
  /** `shm:`, or the name of what Callgate is compared with. */
  readonly transport: string;
  readonly rows: readonly Row[];
  readonly streams: readonly StreamRow[];
  readonly answers: readonly Answers[];
  readonly sentences: readonly string[];
  readonly bytes: { readonly requestBytes: number; readonly replyBytes: number };
}

export interface Lengths {
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Callgate at one URL: a client process, and a server process (for `inproc:` a thread, for `pipe:` a child of the client). */
export function runCallgate(children: Children, url: string, lengths: Lengths): Promise<Stage> {
  const scheme = url.slice(0, url.indexOf(':') + 1);
  const startServer = scheme === 'inproc:' || scheme === 'pipe:';
  return converse(children, scheme, 'callgate', {
    server: startServer ? undefined : new URL('server-main.js', import.meta.url),
    client: new URL('client-main.js', import.meta.url),
    job: { url, startServer, ...lengths },
  });
}

/** The same service by gRPC-js over a Unix socket. */
export function runGrpc(children: Children, lengths: Lengths): Promise<Stage> {
  return converse(children, 'gRPC-js, Unix socket', 'peer', {
    server: new URL('grpc-server-main.js', import.meta.url),
    client: new URL('grpc-client-main.js', import.meta.url),
    job: { url: `unix:${join(children.dir, 'grpc.sock')}`, startServer: false, ...lengths },
  });
}

/** What the transport of a scheme is built on; the benchmarks have it in C. */
const bareNames: ReadonlyMap<string, string> = new Map([
  ['shm', 'shared memory'],
  ['shm+posix', 'POSIX semaphores'],
  ['shm+sysv', 'System V semaphores'],
  ['unix', 'Unix socket'],
  ['tcp', 'TCP'],
  ['tls', 'TLS by OpenSSL'],
  ['udp', 'UDP'],
  ['pipe', 'pipes'],
  ['fifo', 'named pipes'],
  ['shm+simple', 'two slots in shared memory'],
  ['mq', 'message queues'],
]);

const mechanismOf = (scheme: string): string => scheme.replaceAll('+', '-');

/** The schemes of those whose bare mechanism is there to compare with. */
export function comparable(schemes: readonly string[]): string[] {
  return schemes.filter((scheme) => bareNames.has(scheme) && missingFor(mechanismOf(scheme)) === undefined);
}

/** The bare mechanisms in C, moving as many bytes as a call does. */
export async function runBareRows(
  children: Children,
  schemes: readonly string[],
  { requestBytes, replyBytes }: Stage['bytes'],
  lengths: Lengths,
): Promise<BareRow[]> {
  const rows: BareRow[] = [];
  for (const scheme of schemes) {
    const mechanism = mechanismOf(scheme);
    const timing = await runBare(children, { mechanism, requestBytes, replyBytes, ...lengths });
    const transport = `bare ${bareNames.get(scheme)}, in C`;
    rows.push({ transport, mode: 'sync', kind: 'bare', ...timing, beside: `${scheme}:` });
  }
  return rows;
}

interface Programs {
  readonly server: URL | undefined;
  readonly client: URL;
  readonly job: ClientJob;
}

async function converse(
  children: Children,
  transport: string,
  kind: Row['kind'],
  { server, client, job }: Programs,
): Promise<Stage> {
  const serving = server && children.startModule(server, { url: job.url } satisfies ServerJob);
  await serving?.nextLine();
  const asking = children.startModule(client, job);
  const reports: Report[] = [];
  for await (const line of asking.lines) reports.push(JSON.parse(line) as Report);
  const status = await asking.gone;
  await serving?.stop();
  if (status !== 0) throw new Error(`the client over ${transport.replace(/:$/, '')} ended with ${status}`);
  const of = <K extends Report['kind']>(wanted: K) =>
    reports.filter((report): report is Extract<Report, { kind: K }> => report.kind === wanted);
  return {
    transport,
    rows: of('timing').map(({ kind: _, ...timing }) => ({ transport, kind, ...timing })),
    streams: streamRows(transport, kind, of('streamed'), of('streamless')),
    answers: of('answers'),
    sentences: of('samples').flatMap(({ sentences }) => sentences),
    bytes: of('bytes')[0] ?? { requestBytes: 0, replyBytes: 0 },
  };
}

type Streamed = Extract<Report, { kind: 'streamed' }>;
type Streamless = Extract<Report, { kind: 'streamless' }>;

/** One line for each mode. */
function streamRows(
  transport: string,
  kind: Row['kind'],
  streamed: readonly Streamed[],
  streamless: readonly Streamless[],
): StreamRow[] {
  const modes = [...new Set([...streamed, ...streamless].map(({ mode }) => mode))];
  return modes.map((mode) => {
    const mine = streamed.filter((one) => one.mode === mode);
    return {
      transport,
      mode,
      kind,
      perSecond: Object.fromEntries(mine.map(({ method, perSecond }) => [method, perSecond])),
      items: mine.reduce((sum, { items }) => sum + items, 0),
      differences: mine.flatMap(({ differences }) => differences),
      why: streamless.find((one) => one.mode === mode)?.why ?? null,
    };
  });
}
