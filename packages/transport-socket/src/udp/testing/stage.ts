import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Client, type ClientOptions, createClientOn } from '@callgate/core';
import { parseAddress, type TransportOptions } from '@callgate/core/transport';
import { udpTransport } from '../../index.js';
import { Ledger, type Tally } from './ledger.js';

/** In per cent. */
export interface Weather {
  readonly seed: number;
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
  /** Milliseconds that everything takes each way. @default 0 */
  readonly far?: number;
}

/** Real processes: a server, a bad way to it, and clients; all gone after the test. */
export class Stage implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];
  readonly #clients: Client<typeof Ledger>[] = [];

  async start(program: string, ...args: (string | number)[]): Promise<{ child: ChildProcess; said: unknown }> {
    const file = fileURLToPath(new URL(`./${program}.child.js`, import.meta.url));
    const child = fork(file, args.map(String));
    this.#children.push(child);
    const [said] = (await once(child, 'message')) as [unknown];
    return { child, said };
  }

  /** `journal`: a file to which it writes the number of each call before it runs it. */
  async server(
    url = 'udp:0',
    options: TransportOptions = {},
    journal = '',
  ): Promise<{ child: ChildProcess; url: string }> {
    const { child, said } = await this.start('ledger', url, JSON.stringify(options), journal);
    return { child, url: said as string };
  }

  /** The URL at which a server is met over a bad way. */
  async relay(
    url: string,
    { seed, lost, doubled, late, far = 0 }: Weather,
  ): Promise<{ child: ChildProcess; url: string }> {
    const port = url.slice(url.lastIndexOf(':') + 1);
    const { child, said } = await this.start('relay', port, seed, lost, doubled, late, far);
    return { child, url: `udp://127.0.0.1:${said as number}` };
  }

  client(url: string, options: ClientOptions = {}, transportOptions: TransportOptions = {}): Client<typeof Ledger> {
    const target = { address: parseAddress(url), transport: udpTransport, transportOptions };
    const client = createClientOn(Ledger, () => target, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.$close()));
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }
}

export async function ask<T>(child: ChildProcess, question: unknown): Promise<T> {
  const answered = once(child, 'message') as Promise<[T]>;
  child.send(question as object);
  return (await answered)[0];
}

export async function tallyOf(server: ChildProcess): Promise<Map<number, number>> {
  const { runs } = await ask<Tally>(server, {});
  return new Map(runs);
}
