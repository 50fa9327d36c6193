import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RpcError } from '@callgate/core/errors';
import { type Link, parseAddress, type TransportOptions } from '@callgate/core/transport';
import { afterEach, beforeEach, expect } from 'vitest';
import { unixTransport } from '../../index.js';
import type { Commands, Told } from './program.js';

const program = fileURLToPath(new URL('./program.js', import.meta.url));

/** How long, in ms, something that should happen may take before it counts as never happening. */
export const PATIENCE_MS = 10_000;
export const soon = (): number => performance.now() + PATIENCE_MS;

export interface Child {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  call<N extends keyof Commands>(name: N, ...args: Parameters<Commands[N]>): ReturnType<Commands[N]>;
  kill(): Promise<void>;
}

/** What one test makes; all of it is gone after the test, which fails when a descriptor or a file is left. */
export interface Stage {
  readonly scratch: string;
  /** `unix:<scratch>/<name>` */
  url(name: string): string;
  path(name: string): string;
  listen(url: string, options?: TransportOptions): Promise<Listening>;
  connect(url: string, options?: TransportOptions, deadline?: number): Promise<Link>;
  /** `openFiles`: the limit of descriptors of the child. */
  child(openFiles?: number): Child;
  python(code: string, ...args: string[]): Python;
}

export interface Listening {
  readonly url: string;
  readonly links: Link[];
  readonly errors: RpcError[];
  /** The next link in turn. */
  accepted(): Promise<Link>;
  close(): Promise<void>;
}

export interface Python {
  readonly exited: Promise<unknown>;
  /** Everything that it printed, once it has ended. */
  readonly output: Promise<string>;
  /** The next line that it prints. */
  line(): Promise<string>;
  tell(line: string): void;
}

export function useStage(): Stage {
  let scratch = '';
  let endings: (() => unknown)[] = [];
  let fdsBefore = 0;

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'callgate-unix-'));
    endings = [];
    fdsBefore = openFds();
  });
  afterEach(async () => {
    for (const end of endings.reverse()) await end();
    const left = readdirSync(scratch);
    rmSync(scratch, { recursive: true, force: true });
    expect(left.filter((name) => !name.startsWith('kept-'))).toEqual([]);
    // Pipes of children are closed by the event loop, a little later.
    await expect.poll(openFds, { timeout: PATIENCE_MS }).toBeLessThanOrEqual(fdsBefore);
  });

  return {
    get scratch() {
      return scratch;
    },
    path: (name) => join(scratch, name),
    url: (name) => `unix:${join(scratch, name)}`,
    async listen(url, options = {}) {
      const links: Link[] = [];
      const errors: RpcError[] = [];
      let taken = 0;
      const listener = await unixTransport.listen(
        parseAddress(url),
        options,
        (link) => links.push(link),
        (error) => errors.push(error),
      );
      endings.push(async () => {
        await listener.close();
        for (const link of links) link.abort();
      });
      return {
        url: listener.url,
        links,
        errors,
        close: () => listener.close(),
        async accepted() {
          await expect.poll(() => links.length, { timeout: PATIENCE_MS }).toBeGreaterThan(taken);
          return links[taken++]!;
        },
      };
    },
    async connect(url, options = {}, deadline = soon()) {
      const link = await unixTransport.connect(parseAddress(url), options, deadline);
      endings.push(() => link.abort());
      return link;
    },
    child(openFiles) {
      const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles};`;
      const child = spawn('sh', ['-c', `${limit} exec "$0" "$@"`, process.execPath, program], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      const driven = drive(child);
      endings.push(() => driven.kill());
      return driven;
    },
    python(code, ...args) {
      const child = spawn('python3', ['-c', code, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
      const exited = once(child, 'close');
      const lines: string[] = [];
      let text = '';
      child.stdout.setEncoding('latin1').on('data', (more: string) => {
        text += more;
        const parts = text.split('\n');
        lines.splice(0, lines.length, ...parts.slice(0, -1));
      });
      let read = 0;
      endings.push(() => {
        child.kill('SIGKILL');
        return exited;
      });
      return {
        exited,
        output: exited.then(() => text),
        async line() {
          await expect.poll(() => lines.length, { timeout: PATIENCE_MS }).toBeGreaterThan(read);
          return lines[read++]!;
        },
        tell: (line) => void child.stdin.write(`${line}\n`),
      };
    },
  };
}

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

function drive(child: ChildProcess): Child {
  const exited = once(child, 'exit');
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: RpcError): void }>();
  let calls = 0;
  child.on('message', ([id, { value, error }]: [number, { value?: unknown; error?: Told }]) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new RpcError(error.code as never, error.message, { reason: error.reason }));
  });
  const call = (name: string, ...args: unknown[]): Promise<unknown> => {
    const id = calls++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      child.send([id, name, args], (error) => error && reject(RpcError.from(error)));
    });
  };
  return {
    process: child,
    exited,
    call: call as Child['call'],
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** An RpcError of this code and reason whose message contains all the words. */
export function rpcError(code: string, reason: string, ...words: string[]): RpcError {
  return expect.toSatisfy(
    (error: unknown) => {
      if (!RpcError.is(error) || error.code !== code || error.reason !== reason) return false;
      return words.every((word) => error.message.includes(word));
    },
    `an RpcError ${code} (${reason}) that says: ${words.join(' … ')}`,
  ) as RpcError;
}
