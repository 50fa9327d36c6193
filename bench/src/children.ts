import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A running program. Its stdin is its lifeline: when that ends, it closes what it has and exits. */
export interface Child {
  readonly pid: number;
  /** The lines of its stdout, until it ends. One reader at a time. */
  readonly lines: AsyncIterable<string>;
  /** The next one of them; rejects when it exits first. */
  nextLine(): Promise<string>;
  /** Ends the lifeline; kills it if it is still there a second later. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Settles when it is gone, never rejects: the exit code, or the name of the signal that ended it. */
  readonly gone: Promise<number | NodeJS.Signals>;
}

/** All the programs that one run starts, and its scratch directory. Nothing of it outlives the run. */
export interface Children extends AsyncDisposable {
  /** A new directory of this run alone, for sockets and compiled programs. */
  readonly dir: string;
  /** Starts a program by its path; stderr is this process's own. */
  start(command: string, args: readonly string[]): Child;
  /** Starts a Node.js program of the given module URL with one JSON argument. */
  startModule(module: URL, job: unknown): Child;
  /** True once `close` was called, or a signal asked for it: what fails from then on fails because of that. */
  readonly ending: boolean;
  /** Stops all of them and removes the directory. Idempotent. */
  close(): Promise<void>;
}

/** How long a program has for closing in an orderly way, in ms. */
const graceMs = 1000;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/**
 * Until it is closed, SIGINT, SIGTERM and SIGHUP close it and then end this process with the customary status.
 * @param label the first part of the scratch directory's name
 */
export function createChildren(label: string): Children {
  const dir = mkdtempSync(join(tmpdir(), `${label}-`));
  const running = new Set<ChildProcess>();
  let closing: Promise<void> | undefined;

  const onExit = () => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    void close().then(() => process.exit(128 + numbers[signal as keyof typeof numbers]));
  };
  process.on('exit', onExit);
  for (const signal of signals) process.on(signal, onSignal);

  async function closeAll() {
    await Promise.all([...running].map((child) => end(child, 'SIGTERM')));
    rmSync(dir, { recursive: true, force: true });
    process.off('exit', onExit);
    for (const signal of signals) process.off(signal, onSignal);
  }

  function close() {
    closing ??= closeAll();
    return closing;
  }

  function start(command: string, args: readonly string[]): Child {
    if (closing) throw new Error(`${label} is ending: ${command} is not started`);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    running.add(child);
    child.stdin.on('error', () => {}); // it may be gone before its lifeline
    const gone = new Promise<number | NodeJS.Signals>((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        resolve(code ?? signal ?? 1);
      });
      child.once('error', (error) => {
        running.delete(child);
        process.stderr.write(`${command}: ${error.message}\n`);
        resolve(127);
      });
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      pid: child.pid ?? -1,
      gone,
      stop: () => end(child),
      lines: { [Symbol.asyncIterator]: () => lines },
      async nextLine() {
        const { value, done } = await lines.next();
        if (!done) return value;
        throw new Error(`${[command, ...args].join(' ')} ended too early (${await gone})`);
      },
    };
  }

  return {
    dir,
    start,
    startModule: (module, job) => start(process.execPath, [fileURLToPath(module), JSON.stringify(job)]),
    get ending() {
      return closing !== undefined;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function end(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin?.end();
  if (signal) child.kill(signal);
  const tooLate = new AbortController();
  const late = delay(graceMs, undefined, { signal: tooLate.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  await gone;
  tooLate.abort();
  await late;
}

/** For a started program: calls `stop` once, when its lifeline ends or somebody asks it to end; then exits. */
export function onLifelineEnd(stop: () => Promise<void>): void {
  let stopping = false;
  const begin = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.stdin.on('end', begin).on('error', begin).resume();
  process.on('SIGTERM', begin);
  // Ctrl-C reaches the whole process group at once; the one who started us decides when we end.
  process.on('SIGINT', () => {});
}

/** The JSON argument with which `startModule` started this program. */
export function jobOf<T>(): T {
  return JSON.parse(process.argv[2] ?? 'null') as T;
}
