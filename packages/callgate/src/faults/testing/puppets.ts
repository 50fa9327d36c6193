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
  /** The test is over: makes it as good as new if it can, so that the next test need not wait for a new one. */
  rest(): Promise<void>;
}

/** Puppets that have had a rest. */
const rested = { process: [] as Puppet[], worker: [] as Puppet[] };

/** Ends those that nobody needs any more. */
export async function dismissPuppets(): Promise<void> {
  await Promise.all([...rested.process.splice(0), ...rested.worker.splice(0)].map((puppet) => puppet.kill()));
}

/** How long, in ms, a puppet may take for its rest: one that blocks, or is stopped, is ended. */
const REST_MS = 1000;

/** Another process. */
export function processPuppet(): Puppet {
  const known = rested.process.pop();
  if (known !== undefined) return known;
  // Advanced: bytes and big integers travel as they are.
  const child: ChildProcess = fork(program, { serialization: 'advanced' });
  return remote('process', {
    pid: child.pid!,
    ended: once(child, 'exit'),
    hear: (heed) => child.on('message', heed),
    say: (message) => child.send(message),
    signal: (signal) => void child.kill(signal),
    kill: () => void child.kill('SIGKILL'),
  });
}

/** Another thread. */
export function workerPuppet(): Puppet {
  const known = rested.worker.pop();
  if (known !== undefined) return known;
  const worker = new Worker(program);
  return remote('worker', {
    pid: process.pid,
    ended: once(worker, 'exit'),
    hear: (heed) => worker.on('message', heed),
    say: (message) => worker.postMessage(message),
    signal: () => undefined,
    kill: () => void worker.terminate(),
  });
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
    kill: () => commands.reset(),
    rest: () => commands.reset(),
  };
}

interface Said {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: Told;
  readonly event?: string;
  readonly about?: unknown;
}

/** A process or a thread, as far as puppets need it. */
interface Body {
  readonly pid: number;
  readonly ended: Promise<unknown>;
  hear(heed: (said: Said) => void): void;
  say(message: object): void;
  signal(signal: NodeJS.Signals): void;
  kill(): void;
}

function remote(kind: keyof typeof rested, body: Body): Puppet {
  const events = new Events();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  /** It has suffered what no rest makes good. */
  let spoilt = false;
  body.hear(({ id, value, error, event, about }) => {
    if (event !== undefined) events.add(event, about);
    if (id === undefined) return;
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(retell(error));
    waiting.delete(id);
  });
  void body.ended.then(() => {
    spoilt = true;
    for (const { reject } of waiting.values()) reject(new Error('the puppet has ended'));
  });
  const ask = (patienceMs: number, name: CommandName, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = asked++;
      if (name === 'become') spoilt = true;
      // The watchdog of everything that blocks: it stands outside of the thread that does.
      const silent = () => reject(new Error(`the puppet is silent about ${name}(${JSON.stringify(args)})`));
      const timer = setTimeout(silent, patienceMs);
      const settled = <T>(settle: (with_: T) => void) => {
        return (with_: T): void => {
          clearTimeout(timer);
          settle(with_);
        };
      };
      waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
      body.say({ id, name, args });
    });
  const puppet: Puppet = {
    do: ((name: CommandName, ...args: unknown[]) => ask(PATIENCE_MS, name, args)) as Puppet['do'],
    event: (name) => events.next(name),
    count: (name) => events.count(name),
    ended: body.ended,
    pid: body.pid,
    signal(signal) {
      if (signal !== 'SIGCONT') spoilt = true;
      body.signal(signal);
    },
    async kill() {
      spoilt = true;
      body.kill();
      await body.ended;
    },
    async rest() {
      // One that still owes an answer is in no state to rest.
      if (!spoilt && waiting.size === 0) await ask(REST_MS, 'reset', []).catch(() => (spoilt = true));
      if (spoilt) return puppet.kill();
      events.clear();
      rested[kind].push(puppet);
    },
  };
  return puppet;
}
