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
  url(scheme: 'shm' | 'unix'): string {
    return `${scheme}:${join(this.#folder, `server${++this.#names}`)}`;
  }

  async server(scheme: 'shm' | 'unix', delayMs = 0): Promise<Server> {
    const url = this.url(scheme);
    let child = await this.#serve(url, delayMs);
    return {
      url,
      get pid() {
        return String(child.pid);
      },
      stop: () => void child.kill('SIGSTOP'),
      kill: () => this.#end(child, () => child.kill('SIGKILL')),
      start: async () => {
        child = await this.#serve(url, delayMs);
      },
      close: () => this.#end(child, () => child.stdin?.end()),
    };
  }

  /** Begins to call, blocking, from another process, and gives what stops it. */
  async blocking(urls: readonly string[], settings: object, writer = ''): Promise<() => Promise<Outcome>> {
    const stop = join(this.#folder, `stop${++this.#names}`);
    const child = this.#spawn('sync.child.js', [urls.join(','), JSON.stringify(settings), stop, writer]);
    const lines = createInterface({ input: child.stdout! });
    await once(lines, 'line');
    return async () => {
      const last = once(lines, 'line') as Promise<[string]>;
      writeFileSync(stop, '');
      return JSON.parse((await last)[0]) as Outcome;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.#end(child, () => child.kill('SIGKILL'))));
    rmSync(this.#folder, { recursive: true });
  }

  async #serve(url: string, delayMs: number): Promise<ChildProcess> {
    const child = this.#spawn('server.child.js', [url, this.book, String(delayMs)]);
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
