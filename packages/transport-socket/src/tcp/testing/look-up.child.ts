/**
 * Connects to a name that nobody knows, where the only name server never answers: in a network and with mounts of its own
 * (`unshare --net --mount`). `look-up.child.js <file> <resolver's patience in s> <scheme> <mode>`; the file takes the place
 * of the resolver's configuration. Says what came of it, as JSON. Mode `worker`: blocks on a thread that is the only one
 * with the addon, and waits for the resolver to give up after that thread has ended.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import { parseAddress } from '@callgate/core/transport';

const [file = '', patienceS = '', scheme = '', mode = ''] = process.argv.slice(2);

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

async function silenceNames(): Promise<void> {
  run('ip', 'link', 'set', 'lo', 'up');
  writeFileSync(file, `nameserver 127.0.0.1\noptions timeout:${patienceS} attempts:1\n`);
  run('mount', '--bind', file, '/etc/resolv.conf');
  await once(createSocket('udp4').bind(53, '127.0.0.1'), 'listening');
}

async function connect(): Promise<void> {
  // Not before: loading it loads the addon.
  const { tcpTransport, udpTransport } = await import('../../index.js');
  const transport = scheme === 'tcp' ? tcpTransport : udpTransport;
  const address = parseAddress(`${scheme}:callgate.test:7000`);
  const began = performance.now();
  try {
    if (mode === 'async') await transport.connect(address, {}, began + 200);
    else transport.connectSync(address, {}, began + 200);
  } catch (error) {
    const { code, reason, message } = error as { code: string; reason: string; message: string };
    console.log(JSON.stringify({ code, reason, message, waited: performance.now() - began >= 200 }));
  }
}

/** Threads of this process that look up names. */
function resolving(): number {
  const names = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim());
  return names.filter((name) => name === 'callgate-name').length;
}

if (isMainThread) await silenceNames();
if (isMainThread && mode === 'worker') {
  await once(new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }), 'exit');
  const left = resolving();
  while (resolving() > 0) await setTimeout(10);
  console.log(JSON.stringify({ left }));
} else {
  await connect();
}
// Leaving in order would wait for what Node's own threads look up.
if (isMainThread) process.kill(process.pid, 'SIGKILL');
