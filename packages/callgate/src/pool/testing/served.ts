import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientSettings, ServerSettings } from '../../index.js';
import {
  type Client,
  createCallgate,
  type PoolOptions,
  type RpcError,
  type Server,
  type TransportOptions,
} from '../../index.js';
import { Jobs } from './jobs.js';

export const jobsModule = new URL('./jobs-service.js', import.meta.url);

let served = 0;

export interface PooledServer extends AsyncDisposable {
  readonly server: Server;
  readonly url: string;
  /** A directory of the test's own. */
  readonly directory: string;
  /** What the server's `onError` heard. */
  readonly heard: RpcError[];
  client(settings?: ClientSettings): Client<typeof Jobs>;
}

/** Jobs, served by a pool over a transport. */
export async function pooled(
  pool: PoolOptions,
  scheme = 'unix',
  transport: TransportOptions = {},
  settings: ServerSettings = {},
): Promise<PooledServer> {
  const gate = createCallgate({ config: {}, env: {} });
  const directory = mkdtempSync(join(tmpdir(), 'callgate-pool-'));
  const heard: RpcError[] = [];
  const server = gate.createServer({ ...settings, pool, onError: (error) => heard.push(error) });
  const place = scheme === 'inproc' ? `pool-${process.pid}-${++served}` : join(directory, 'jobs');
  const clients: Client<typeof Jobs>[] = [];
  const clean = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    server.add(Jobs, { module: jobsModule });
    const url = (
      await server.listen(
        scheme === 'tcp' || scheme === 'udp' ? `${scheme}:127.0.0.1:0` : `${scheme}:${place}`,
        transport,
      )
    )[0] as string;
    return {
      server,
      url,
      directory,
      heard,
      client: (settings = {}) => {
        const client = gate.createClient(Jobs, url, settings);
        clients.push(client);
        return client;
      },
      [Symbol.asyncDispose]: async () => {
        await Promise.all(clients.map((client) => client.$close()));
        await server.close({ timeoutMs: 0 });
        clean();
      },
    };
  } catch (error) {
    clean();
    throw error;
  }
}
