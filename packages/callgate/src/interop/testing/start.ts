import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { TransportOptions } from '../../index.js';
import { spawnWithPipes } from '../../pipe.js';

export interface Started {
  readonly url: string;
  readonly transport: TransportOptions;
  stop(): Promise<unknown>;
}

const program = new URL('./server.js', import.meta.url);

/** Starts the server where the mechanism wants it. */
export async function startServer(
  scheme: string,
  folder: string,
  certificate: TransportOptions,
  pool: string,
): Promise<Started> {
  const transport = scheme === 'tls' ? certificate : {};
  const options = JSON.stringify(transport);
  if (scheme === 'inproc') {
    const worker = new Worker(program, { workerData: ['inproc:interop', options, pool] });
    const [url] = (await once(worker, 'message')) as [string];
    return {
      url,
      transport,
      stop: async () => {
        worker.postMessage('close');
        await once(worker, 'exit');
      },
    };
  }
  const file = fileURLToPath(program);
  if (scheme === 'pipe') {
    const stdio = ['ignore', 'ignore', 'inherit'] as const;
    const child = await spawnWithPipes(process.execPath, [file, 'pipe:inherited', options, pool], {
      stdio: [...stdio],
    });
    return { url: child.url, transport, stop: () => ended(child.process) };
  }
  const child = spawn(process.execPath, [file, addressOf(scheme, folder), options, pool], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url, transport, stop: () => ended(child) };
}

async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  // Over pipes a server ends by itself with its one link.
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

function addressOf(scheme: string, folder: string): string {
  if (scheme === 'tcp' || scheme === 'tls' || scheme === 'udp') return `${scheme}:127.0.0.1:0`;
  if (scheme === 'shm+posix' || scheme === 'shm+sysv') return `${scheme}:interop-${process.pid}`;
  return `${scheme}:${join(folder, 'interop')}`;
}
