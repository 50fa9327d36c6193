import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import type { ClientSettings, ServerSettings, TransportOptions } from '../../index.js';
import type { CallSettings, Commands, MadeClient, Tally, Version } from './commands.js';
import type { Desk } from './gen/desk.js';
import { dismissPuppets, ownPuppet, PATIENCE_MS, type Puppet, processPuppet, workerPuppet } from './puppets.js';
import { type Stranger, stranger } from './python.js';

export type Scheme = 'shm' | 'unix' | 'inproc' | 'fifo';
export type Mode = 'async' | 'sync';

export interface Way {
  readonly scheme: Scheme;
  readonly mode: Mode;
}

function inBothModes(schemes: readonly Scheme[]): readonly Way[] {
  return schemes.flatMap((scheme): Way[] => [
    { scheme, mode: 'async' },
    { scheme, mode: 'sync' },
  ]);
}

/** Every kind of link in both modes. */
export const ways = inBothModes(['shm', 'unix', 'inproc']);
/** What calls promise is promised over these, too. Their links are of the same kind as those of `unix:`. */
export const moreWays = inBothModes(['fifo']);
/** Those that reach another process. */
export const processWays = ways.filter(({ scheme }) => scheme !== 'inproc');
export const schemes: readonly Scheme[] = ['shm', 'unix', 'inproc'];
export const processSchemes = ['shm', 'unix'] as const;

type Method = keyof typeof Desk.methods | 'stamp';

/** A client that a puppet has. Errors are as `told.ts` tells them. */
export interface RemoteClient {
  call(method: Method, request?: object, settings?: CallSettings): Promise<unknown>;
  crowd(count: number, method: Method, request?: object): Promise<Tally>;
  sum(count: number): Promise<number>;
  blockBetweenCalls(called: string, goOn: string): Promise<unknown>;
  abort(signal: string, why: string): Promise<void>;
  channel(): Promise<ReturnType<Commands['channel']>>;
  close(): Promise<void>;
}

export interface PairSettings {
  /** Options of the transport at the server's side. */
  readonly listen?: TransportOptions;
  readonly server?: ServerSettings;
  readonly client?: ClientSettings;
  readonly version?: Version;
  /** The server must be no part of this process, since it is going to suffer. @default false */
  readonly apart?: boolean;
}

export interface Pair {
  readonly url: string;
  /** Where calls are awaited, another process or thread; where they block, this very thread unless it must be apart. */
  readonly server: Puppet;
  /** Who calls: this very thread where calls are awaited, another process or thread where they block. */
  readonly caller: Puppet;
  readonly desk: RemoteClient;
}

/** Looks again and again until what is found is as expected, however busy the machine. */
export const poll: typeof expect.poll = (look) => expect.poll(look, { timeout: PATIENCE_MS, interval: 20 });

/** The socket file of an address. */
export function fileOf(url: string): string {
  return url.replace(/^\w+:/, '');
}

/**
 * What one test makes; all of it is gone after the test, which fails when a strange file is left. Processes and threads
 * that came through a test unharmed are used again by the next one, with nothing left in them.
 */
export interface Stage {
  readonly scratch: string;
  /** A file in the scratch folder. */
  path(name: string): string;
  /** A fresh address. */
  url(scheme: Scheme): string;
  process(): Puppet;
  worker(): Puppet;
  readonly here: Puppet;
  /** A Python program of this folder. */
  stranger(file: string, ...args: string[]): Stranger;
  /** Somebody whom the scheme reaches from this process, and who is not this thread. */
  elsewhere(scheme: Scheme): Puppet;
  serve(at: Puppet, url: string, listen?: TransportOptions, server?: ServerSettings): Promise<void>;
  client(at: Puppet, made: Omit<MadeClient, 'name'>): Promise<RemoteClient>;
  /** A server and a client of it that are no part of the same process, or, for inproc:, thread. */
  pair(way: Way, settings?: PairSettings): Promise<Pair>;
}

export function useStage(): Stage {
  let scratch = '';
  let puppets: { rest(): Promise<void> }[] = [];
  let here: Puppet;
  let fdsBefore = new Map<string, string>();
  let names = 0;
  let named: Set<string>;

  beforeAll(() => {
    fdsBefore = openFds();
  });
  afterAll(async () => {
    await dismissPuppets();
    // Pipes of children are closed by the event loop, a little later.
    await vi.waitFor(() => expect(leftFds(fdsBefore)).toEqual([]), PATIENCE_MS);
  });
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'callgate-faults-'));
    here = ownPuppet();
    puppets = [];
    named = new Set();
  });
  afterEach(async () => {
    await here.rest();
    await Promise.all(puppets.map((puppet) => puppet.rest()));
    const left = readdirSync(scratch);
    rmSync(scratch, { recursive: true, force: true });
    // Killed servers leave their socket files. Nobody leaves anything that the test has not named.
    expect(left.filter((name) => !named.has(name))).toEqual([]);
  });

  const keep = <T extends { rest(): Promise<void> }>(puppet: T): T => {
    puppets.push(puppet);
    return puppet;
  };
  const stage: Stage = {
    get scratch() {
      return scratch;
    },
    get here() {
      return here;
    },
    path(name) {
      named.add(name);
      return join(scratch, name);
    },
    url(scheme) {
      const name = `desk${++names}`;
      named.add(name);
      return scheme === 'inproc' ? `inproc:${name}-${process.pid}` : `${scheme}:${join(scratch, name)}`;
    },
    process: () => keep(processPuppet()),
    worker: () => keep(workerPuppet()),
    stranger: (file, ...args) => keep(stranger(file, ...args)),
    elsewhere: (scheme) => (scheme === 'inproc' ? stage.worker() : stage.process()),
    serve: (at, url, listen = {}, server = {}) => at.do('serve', url, listen, server),
    async client(at, made) {
      const name = `client ${++names}`;
      await at.do('makeClient', { ...made, name });
      return {
        call: (method, request = {}, settings = {}) =>
          at.do('call', name, method, request, settings) as Promise<unknown>,
        crowd: (count, method, request = {}) => at.do('crowd', name, count, method, request),
        sum: (count) => at.do('sum', name, count),
        blockBetweenCalls: async (called, goOn) => at.do('blockBetweenCalls', name, called, goOn),
        abort: (signal, why) => at.do('abort', signal, why),
        channel: () => at.do('channel', name),
        close: async () => at.do('closeClient', name),
      };
    },
    async pair({ scheme, mode }, { listen, server: settings, client = {}, version = 'Desk', apart } = {}) {
      const server = mode === 'async' || apart ? stage.elsewhere(scheme) : here;
      const caller = mode === 'async' ? here : stage.elsewhere(scheme);
      const url = stage.url(scheme);
      await stage.serve(server, url, listen, settings);
      const desk = await stage.client(caller, { url, mode, version, settings: client });
      return { url, server, caller, desk };
    },
  };
  return stage;
}

/** What is open, by descriptor: a file, or the kind and the inode of what is none. */
function openFds(): Map<string, string> {
  const found = new Map<string, string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      found.set(fd, readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // The one that listed them, which is closed again.
    }
  }
  return found;
}

/** Those that are open beyond as many as were `before`, in words; a number or an inode may have been used again. */
function leftFds(before: ReadonlyMap<string, string>): string[] {
  const now = openFds();
  if (now.size <= before.size) return [];
  return [...now]
    .filter(([fd, what]) => before.get(fd) !== what)
    .map(([fd, what]) => `${fd}: ${what}${unixSocket(what)}`);
}

/** What the kernel says of a Unix socket: its flags, state and path. */
function unixSocket(what: string): string {
  const inode = /^socket:\[(\d+)\]$/.exec(what)?.[1];
  if (inode === undefined) return '';
  const line = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .find((one) => one.split(/\s+/)[6] === inode);
  return line === undefined ? '' : ` (unix ${line.split(/\s+/).slice(3).join(' ')})`;
}
