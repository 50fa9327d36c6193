import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Link, parseAddress, type Transport, type TransportOptions } from '@callgate/core/transport';
import { loadAddon } from '@callgate/native';
import { posixShmTransport, sysvShmTransport } from '../../index.js';

export const transports = { 'shm+posix': posixShmTransport, 'shm+sysv': sysvShmTransport } as const;
export type Scheme = keyof typeof transports;

/** Small, so that a link is cheap. */
export const small: TransportOptions = { maxMessageBytes: 4000, ringBytes: 65_536 };
export const program = fileURLToPath(new URL('program.js', import.meta.url));

let made = 0;

/** An address that nothing else has. */
export function newUrl(scheme: Scheme): string {
  made++;
  return `${scheme}:test-${process.pid}-${made}`;
}

export function soon(ms = 10_000): number {
  return performance.now() + ms;
}

/** This process and those that it has started. */
const own = new Set([process.pid]);

/** What there is on this machine that outlives processes, of this kind of memory, and was last used by one of ours. */
export function leftovers(): string[] {
  const addon = loadAddon();
  const idsOf = (kind: 'shm' | 'sem'): number[] => {
    const [, ...lines] = readFileSync(`/proc/sysvipc/${kind}`, 'latin1').trimEnd().split('\n');
    return lines.map((line) => Number(line.trim().split(/\s+/)[1]));
  };
  const kept = (id: number, pidOf: (id: number) => number): boolean => {
    try {
      return own.has(pidOf(id));
    } catch {
      return false; // It has just gone.
    }
  };
  return [
    ...readdirSync('/dev/shm').filter((name) => name.includes(`test-${process.pid}-`)),
    ...idsOf('shm').flatMap((id) => (kept(id, () => addon.statSysvMemory(id).creatorPid) ? [`shm ${id}`] : [])),
    ...idsOf('sem').flatMap((id) => (kept(id, () => addon.statSysvSemaphores(id).lastPid) ? [`sem ${id}`] : [])),
  ];
}

/** Waits until nothing of what has come since `before` stays. Others use this machine, too: what comes and goes may be theirs. */
export async function noneLeft(before: readonly string[]): Promise<void> {
  let left: readonly string[] | undefined;
  for (const until = soon(); left === undefined || left.length > 0; await setTimeout(20)) {
    const now = leftovers().filter((name) => !before.includes(name));
    left = left === undefined ? now : left.filter((name) => now.includes(name));
    if (performance.now() > until) throw new Error(`left behind: ${left.join(', ')}`);
  }
}

/** Sends one message and gives the one that comes back. */
export async function echo(link: Link, text: string): Promise<string> {
  const { bytes, start } = link.claim(text.length)!;
  bytes.write(text, start, 'latin1');
  link.commit(text.length);
  await link.whenReadable(soon());
  return take(link);
}

export function take(link: Link): string {
  const span = link.receive();
  if (span === null) throw link.end?.error ?? new Error('there is no message');
  const text = span.bytes.toString('latin1', span.start, span.end);
  link.release();
  return text;
}

/** Gives every message back, until the link ends. */
export async function serveEcho(link: Link): Promise<void> {
  while (await link.whenReadable(Number.POSITIVE_INFINITY)) {
    for (let span = link.receive(); span !== null; span = link.receive()) {
      const text = span.bytes.toString('latin1', span.start, span.end);
      link.release();
      const { bytes, start } = link.claim(text.length)!;
      bytes.write(text, start, 'latin1');
      link.commit(text.length);
    }
    if (link.ended) return link.close();
  }
}

export function connect(transport: Transport, url: string, options = small, deadline = soon()): Promise<Link> {
  return transport.connect(parseAddress(url), options, deadline);
}

/** Another process; killed when it lives for longer than 20 s. */
export function start(command: string, ...args: string[]) {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  if (child.pid !== undefined) own.add(child.pid);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close');
  return {
    child,
    ended,
    async line(): Promise<string> {
      const next = await lines.next();
      if (next.done) throw new Error(`${command} ${args.join(' ')} ended without another line: ${stderr}`);
      return next.value;
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
