import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type CommandName, type Commands, makeCommands } from './commands.js';
import { Events } from './events.js';
import { retell, type Told, tell } from './told.js';

const program = fileURLToPath(new URL('./puppet.child.js', import.meta.url));

/** How long, in ms, something that should happen may take before it counts as never happening. */
export const PATIENCE_MS = 15_000;

/** Somebody who serves and calls as it is told: another process, a worker thread, or this very thread. */
export interface Puppet {
  /** Rejects with what the command threw, and when the puppet ends or is silent for too long. */
  do<N extends CommandName>(name: N, ...args: Parameters<Commands[N]>): Promise<Awaited<ReturnType<Commands[N]>>>;
  /** Resolves when the event has happened, at once when it has happened already. Each counts once. */
  event(name: string): Promise<unknown>;
  /** How often the event has happened without being waited for. */
  count(name: string): number;
  /** Ends it at once and waits until it has ended; of this thread, closes what it has made. */
  kill(): Promise<void>;
  /** Resolves when it has ended, by itself or not. */
  readonly ended: Promise<unknown>;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
}

/** Another process. */
export function processPuppet(): Puppet {
  // Advanced: bytes and big integers travel as they are.
  const child: ChildProcess = fork(program, { serialization: 'advanced' });
  const exited = once(child, 'exit');
  const said = wire((heed) => child.on('message', heed), exited);
  return {
    ...said.asked((message) => child.send(message)),
    ended: exited,
    pid: child.pid!,
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Another thread. */
export function workerPuppet(): Puppet {
  const worker = new Worker(program);
  const exited = once(worker, 'exit');
  const said = wire((heed) => worker.on('message', heed), exited);
  return {
    ...said.asked((message) => worker.postMessage(message)),
    ended: exited,
    pid: process.pid,
    signal: () => undefined,
    async kill() {
      await worker.terminate();
    },
  };
}

/** This thread. */
export function ownPuppet(): Puppet {
  const events = new Events();
  const commands = makeCommands((event, about) => events.add(event, about));
  return {
    do: (async (name: CommandName, ...args: never[]) => {
      try {
        return await (commands[name] as (...all: never[]) => unknown).apply(commands, args);
      } catch (error) {
        throw retell(tell(error));
      }
    }) as Puppet['do'],
    event: (name) => events.next(name),
    count: (name) => events.count(name),
    ended: new Promise(() => undefined),
    pid: process.pid,
    signal: () => undefined,
    kill: () => commands.closeAll(),
  };
}

interface Said {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: Told;
  readonly event?: string;
  readonly about?: unknown;
}

/** The talk with a puppet elsewhere. */
function wire(onMessage: (heed: (said: Said) => void) => void, exited: Promise<unknown>) {
  const events = new Events();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  onMessage(({ id, value, error, event, about }) => {
    if (event !== undefined) events.add(event, about);
    if (id === undefined) return;
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(retell(error));
    waiting.delete(id);
  });
  void exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the puppet has ended'));
  });
  const ask = (send: (message: object) => void, name: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = asked++;
      // The watchdog of everything that blocks: it stands outside of the thread that does.
      const silent = () => reject(new Error(`the puppet is silent about ${name}(${JSON.stringify(args)})`));
      const timer = setTimeout(silent, PATIENCE_MS);
      const settled = <T>(settle: (with_: T) => void) => {
        return (with_: T): void => {
          clearTimeout(timer);
          settle(with_);
        };
      };
      waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
      send({ id, name, args });
    });
  return {
    asked: (send: (message: object) => void) => ({
      do: ((name: CommandName, ...args: unknown[]) => ask(send, name, args)) as Puppet['do'],
      event: (name: string) => events.next(name),
      count: (name: string) => events.count(name),
    }),
  };
}
