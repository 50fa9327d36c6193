import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../../testing/run.js';

/** How long, in ms, a program may live before it counts as hung, and is killed. */
const WATCHDOG_MS = 40_000;

/** A server process at an address of its own, which can be killed and started again. */
export interface Server {
  readonly url: string;
  readonly pid: string;
  /** SIGSTOP: it is there, and does nothing any more. */
  stop(): void;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** Resolves when it listens. */
  start(): Promise<void>;
  /** Closes in good order; resolves when the process has ended. */
  close(): Promise<void>;
  /** SIGTERM: has a program drain that does so by that; resolves to the exit code when the process has ended. */
  drain(): Promise<number | null>;
}

/** What a program of `sync.child.ts` tells at its end. */
export interface Outcome {
  readonly answered: number;
  readonly servers: readonly string[];
  readonly failures: readonly string[];
  readonly written: readonly string[];
}

/** The processes and files of one test. Disposing of it ends and removes them all. */
export class Fleet {
  readonly #folder = mkdtempSync(join(tmpdir(), 'callgate-fleet-'));
  readonly #children = new Set<ChildProcess>();
  #names = 0;

  get book(): string {
    return join(this.#folder, 'book');
  }

  /** The entries of the book, in the order in which they were made. */
  entries(): readonly string[] {
    const found = readdirSync(this.#folder).includes('book');
    return found ? readFileSync(this.book, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** An address at which nobody is. */
  url(scheme: 'shm' | 'unix' | 'fifo'): string {
    return `${scheme}:${join(this.#folder, `server${++this.#names}`)}`;
  }

  async server(scheme: 'shm' | 'unix' | 'fifo', delayMs = 0, program = 'server.child.js'): Promise<Server> {
    const url = this.url(scheme);
    return this.serverAt(url, program, String(delayMs));
  }

  async serverAt(url: string, program: string, ...args: readonly string[]): Promise<Server> {
    let child = await this.#serve(program, url, args);
    return {
      url,
      get pid() {
        return String(child.pid);
      },
      stop: () => void child.kill('SIGSTOP'),
      kill: () => this.#end(child, () => child.kill('SIGKILL')),
      start: async () => {
        child = await this.#serve(program, url, args);
      },
      drain: async () => {
        const going = child;
        await this.#end(going, () => going.kill('SIGTERM'));
        return going.exitCode;
      },
      close: () => this.#end(child, () => child.stdin?.end()),
    };
  }

  /** Begins to call, blocking, from another process, and gives what stops it. */
  async blocking<O = Outcome>(
    urls: readonly string[],
    settings: object,
    writer = '',
    program = 'sync.child.js',
  ): Promise<() => Promise<O>> {
    const stop = join(this.#folder, `stop${++this.#names}`);
    const child = this.#spawn(program, [urls.join(','), JSON.stringify(settings), stop, writer]);
    const lines = createInterface({ input: child.stdout! });
    await once(lines, 'line');
    return async () => {
      const last = once(lines, 'line') as Promise<[string]>;
      writeFileSync(stop, '');
      return JSON.parse((await last)[0]) as O;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.#end(child, () => child.kill('SIGKILL'))));
    rmSync(this.#folder, { recursive: true });
  }

  async #serve(program: string, url: string, args: readonly string[]): Promise<ChildProcess> {
    const child = this.#spawn(program, [url, this.book, ...args]);
    await once(child.stdout!, 'data');
    return child;
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const path = fileURLToPath(new URL(program, import.meta.url));
    const child = spawn(process.execPath, [path, ...args], {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: WATCHDOG_MS,
      killSignal: 'SIGKILL',
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async #end(child: ChildProcess, end: () => void): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    end();
    await ended;
  }
}
