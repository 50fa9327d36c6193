import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type Client,
  type ClientSettings,
  createClient,
  createServer,
  createSyncClient,
  type Server,
  type ServerSettings,
  type ServiceDefinition,
  type SyncClient,
  type Timeout,
  type TransportOptions,
} from '../../index.js';
import { type Emit, serveDesk } from './desk.js';
import { Desk as Changed } from './gen/changed/desk.js';
import { Desk } from './gen/desk.js';
import { Attic, Desk as Grown } from './gen/grown/desk.js';
import { monotonicMs, type Told, tell } from './told.js';

/** The services as different clients know them. */
const services: Readonly<Record<string, ServiceDefinition>> = { Desk, Changed, Grown, Attic };
export type Version = 'Desk' | 'Changed' | 'Grown' | 'Attic';

export interface MadeClient {
  readonly name: string;
  readonly url: string;
  readonly mode: 'sync' | 'async';
  readonly version?: Version;
  readonly settings?: ClientSettings;
}

export interface CallSettings {
  readonly timeout?: Timeout;
  readonly waitForReady?: boolean;
  /** Name of the signal that ends the call, see `abort`. */
  readonly signal?: string;
}

/** How many calls of a crowd ended in which way. */
export interface Tally {
  readonly answered: number;
  /** Errors that differ in more than their time, each with how often it came. */
  readonly errors: readonly (Omit<Told, 'inspected' | 'atMs'> & { readonly times: number })[];
  /** When the last call ended, see Told. */
  readonly atMs: number;
}

type Stub = Record<string, (request: object, options: object) => unknown> &
  (Client<ServiceDefinition> | SyncClient<ServiceDefinition>);

/** What a puppet can be told to do: to serve and to call as a user would. */
export function makeCommands(emit: Emit) {
  const servers = new Map<string, Server>();
  const clients = new Map<string, Stub>();
  const signals = new Map<string, AbortController>();
  const heard: Told[] = [];

  const gates = new Map<string, { opened: Promise<void>; open(): void }>();

  const gate = (name: string) => {
    const known = gates.get(name) ?? newGate();
    gates.set(name, known);
    return known;
  };
  const signalNamed = (name: string): AbortController => {
    const known = signals.get(name) ?? new AbortController();
    signals.set(name, known);
    return known;
  };
  const call = (
    client: string,
    method: string,
    request: object,
    { timeout, waitForReady, signal }: CallSettings,
  ): unknown => {
    const options = {
      ...(timeout !== undefined && { timeout }),
      ...(waitForReady !== undefined && { waitForReady }),
      ...(signal !== undefined && { signal: signalNamed(signal).signal }),
    };
    return clients.get(client)![method]!(request, options);
  };

  return {
    async serve(url: string, transport: TransportOptions, settings: ServerSettings): Promise<void> {
      const server = createServer({ onError: (error) => heard.push(tell(error)), ...settings });
      server.add(
        Desk,
        serveDesk(emit, (text) => gate(text).opened),
      );
      await server.listen(url, transport);
      servers.set(url, server);
    },
    /** The server of one address listens at another as well. */
    listenToo: (known: string, url: string) => servers.get(known)!.listen(url),
    /** Lets the slips with that text go that the server holds back. */
    release: (text: string) => gate(text).open(),
    stats: (url: string) => ({ ...servers.get(url)!.stats() }),
    /** What the servers' onError has heard. */
    heard: () => heard,
    closeServer: (url: string, timeoutMs: number) => servers.get(url)!.close({ timeoutMs }),

    makeClient({ name, url, mode, version = 'Desk', settings = {} }: MadeClient): void {
      const make = mode === 'sync' ? createSyncClient : createClient;
      clients.set(name, make(services[version]!, url, settings) as unknown as Stub);
    },
    call,
    /** Many calls at once, all of them begun in one go. */
    async crowd(client: string, count: number, method: string, request: object): Promise<Tally> {
      let atMs = 0;
      const thrown: unknown[] = [];
      const began = Array.from({ length: count }, () => call(client, method, request, {}) as Promise<unknown>);
      const failed = (error: unknown): void => {
        atMs = monotonicMs();
        thrown.push(error);
      };
      await Promise.all(began.map((one) => one.catch(failed)));
      const errors = new Map<string, Tally['errors'][number]>();
      for (const error of thrown) {
        const { inspected: _, atMs: __, ...told } = tell(error);
        const key = JSON.stringify(told);
        errors.set(key, { ...told, times: (errors.get(key)?.times ?? 0) + 1 });
      }
      return { answered: count - thrown.length, errors: [...errors.values()], atMs };
    },
    /** Calls one after the other, each on a client of its own. */
    async cycles(made: Omit<MadeClient, 'name'>, count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        this.makeClient({ ...made, name: 'cycle' });
        await call('cycle', 'echo', {}, {});
        await clients.get('cycle')!.$close();
      }
    },
    /** The sum of the numbers below `count`, each of which has made the way to the server and back. */
    async sum(client: string, count: number): Promise<number> {
      let sum = 0;
      for (let number = 0; number < count; number++) {
        const reply = (await call(client, 'echo', { number }, {})) as { number: number };
        sum += reply.number;
      }
      return sum;
    },
    /** Calls, makes a file, waits for another one and calls again, all without ever coming back to the event loop. */
    blockBetweenCalls(client: string, called: string, goOn: string): unknown {
      call(client, 'echo', {}, {});
      writeFileSync(called, '');
      const sleeper = new Int32Array(new SharedArrayBuffer(4));
      while (!existsSync(goOn)) Atomics.wait(sleeper, 0, 0, 5);
      return call(client, 'echo', { text: 'second' }, {});
    },
    abort: (signal: string, why: string) => signalNamed(signal).abort(new Error(why)),
    channel(client: string) {
      const { peer, lastEnd, stats } = clients.get(client)!.$channel;
      const end = lastEnd && { by: lastEnd.by, orderly: lastEnd.orderly, error: tell(lastEnd.error) };
      return { peer, lastEnd: end, stats: { ...stats } };
    },
    closeClient: (client: string) => clients.get(client)!.$close(),

    /** Becomes another user for good. */
    become(uid: number): void {
      process.setgroups?.([]);
      process.setgid?.(uid);
      process.setuid?.(uid);
    },
    /** What the process holds of the kernel's. */
    holds: () => ({
      fds: readdirSync('/proc/self/fd').length,
      mappings: readFileSync('/proc/self/maps', 'latin1').split('memfd:callgate').length - 1,
    }),
    /** Ends what was made, and forgets what was heard. */
    async reset(): Promise<void> {
      for (const client of clients.values()) await client.$close();
      for (const server of servers.values()) await server.close({ timeoutMs: 0 });
      for (const known of [clients, servers, signals, gates]) known.clear();
      heard.length = 0;
    },
  };
}

export type Commands = ReturnType<typeof makeCommands>;
export type CommandName = keyof Commands;

function newGate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
