/** A process that blocks over TLS. It is told what to do, and prints what came of it, as JSON. */
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { RpcError } from '@callgate/core/errors';
import { type Link, parseAddress, type TransportOptions } from '@callgate/core/transport';
import { tlsTransport } from '../../index.js';

export interface Job {
  readonly task: keyof typeof tasks;
  readonly url: string;
  readonly options: TransportOptions;
}

const { task, url, options } = JSON.parse(process.argv[2]!) as Job;

function connect(): Link {
  return tlsTransport.connectSync(parseAddress(url), options, performance.now() + 10_000);
}

function say(link: Link, text: string): void {
  const { bytes, start } = link.claim(text.length)!;
  bytes.write(text, start);
  link.commit(text.length);
}

function echoed(link: Link, text: string): boolean {
  say(link, text);
  link.waitReadable(Number.POSITIVE_INFINITY);
  const { bytes, start, end } = link.receive()!;
  const same = bytes.toString('latin1', start, end) === text;
  link.release();
  return same;
}

/** Threads and descriptors of this process. */
function possessions(): readonly number[] {
  return ['task', 'fd'].map((kind) => readdirSync(`/proc/self/${kind}`).length);
}

const tasks = {
  /** Who is there, or why nobody is. */
  connect() {
    try {
      return { peer: connect().peer };
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      return { error: { code: error.code, reason: error.reason, message: error.message } };
    }
  },
  /** Says something and is gone. */
  leave() {
    const link = connect();
    for (let i = 0; i < 100; i++) say(link, `message ${i}`);
    link.closeSync();
    process.exit(7);
  },
  /** What is left after many connections. */
  async again() {
    await cycle();
    const before = possessions();
    for (let i = 0; i < 10; i++) await cycle();
    let after = possessions();
    for (let looks = 0; looks < 200 && after.some((count, i) => count > before[i]!); looks++) {
      await setTimeout(25);
      after = possessions();
    }
    return { before, after };
  },
};

/** All ways for connections to end. */
async function cycle(): Promise<void> {
  const [first, second, third] = [connect(), connect(), connect()];
  if (!echoed(first, 'hello') || !echoed(second, 'there')) throw new Error('not what was sent');
  first.closeSync();
  second.abort();
  await third.close();
  try {
    tlsTransport.connectSync(parseAddress('tls:1'), options, performance.now() + 10_000);
  } catch {
    // Nobody is there.
  }
}

const result = await tasks[task]();
process.stdout.write(JSON.stringify(result));
