import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { meanwhile } from '../traffic.js';
import type { CommandArgs, CommandName, CommandResult } from './commands.js';
import { fromPlainError, type Reply, type Request, type Start } from './protocol.js';

export type Place = 'process' | 'worker';

/** Longest time, in ms, to give a peer to fall asleep in a wait. What is tested must hold in either order. */
const FALL_ASLEEP_MS = 100;

interface Pending {
  readonly command: string;
  began(): void;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A peer, as seen from the suite, whose thread never blocks: it is the watchdog of all that block. */
export class RemotePeer {
  /** Of all peers that this process ever started. */
  static readonly pids: ReadonlySet<number> = new Set();
  readonly place: Place;
  /** Of the child process; of this one for a worker. */
  readonly pid: number;
  /** When it has gone, and how. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly #channel: ChildProcess | Worker;
  readonly #patienceMs: number;
  readonly #pending = new Map<number, Pending>();
  #requests = 0;
  #gone = false;

  private constructor(channel: ChildProcess | Worker, patienceMs: number) {
    this.#channel = channel;
    this.#patienceMs = patienceMs;
    this.place = channel instanceof Worker ? 'worker' : 'process';
    this.pid = channel instanceof Worker ? process.pid : (channel.pid ?? -1);
    (RemotePeer.pids as Set<number>).add(this.pid);
    channel.on('message', (reply: unknown) => this.#onReply(reply as Reply));
    channel.on('error', (error: Error) => this.#fail(error));
    this.exited = new Promise((resolve) => {
      channel.on('exit', (code: number | null, signal?: string | null) => {
        this.#gone = true;
        this.#fail(new Error(`the peer ended (code ${code}, signal ${signal ?? 'none'})`));
        resolve({ code, signal: signal ?? null });
      });
    });
  }

  /** Resolves when the peer is ready for commands. */
  static async start(place: Place, start: Start): Promise<RemotePeer> {
    const program = new URL('./program.js', import.meta.url);
    const channel =
      place === 'worker'
        ? new Worker(program, { workerData: start, execArgv: [] })
        : fork(fileURLToPath(program), [JSON.stringify(start)], { serialization: 'advanced', execArgv: [] });
    const peer = new RemotePeer(channel, start.patienceMs);
    await peer.#add('start', () => {}, 0);
    return peer;
  }

  /** Runs a command; resolves with its result, rejects with what it threw. */
  call<N extends CommandName>(command: N, ...args: CommandArgs<N>): Promise<CommandResult<N>> {
    return meanwhile(this.begin(command, ...args).then(({ result }) => result));
  }

  /** Resolves as soon as the peer is about to run the command. */
  async begin<N extends CommandName>(
    command: N,
    ...args: CommandArgs<N>
  ): Promise<{ readonly result: Promise<CommandResult<N>> }> {
    assert.ok(!this.#gone, `the peer has ended before it could run ${command}`);
    const request: Request = { id: ++this.#requests, command, args: args[0] };
    let result!: Promise<CommandResult<N>>;
    await new Promise<void>((resolve, reject) => {
      result = this.#add(command, resolve, request.id) as Promise<CommandResult<N>>;
      result.catch(reject);
      if (this.#channel instanceof Worker) this.#channel.postMessage(request);
      else this.#channel.send(request);
    });
    return { result };
  }

  /** Gives a peer that has begun to wait the time to fall asleep; returns early when the kernel says that it does. */
  async fallAsleep(): Promise<void> {
    const until = performance.now() + FALL_ASLEEP_MS;
    do await setTimeout(5);
    while (performance.now() < until && (this.place === 'worker' || processState(this.pid) !== 'S'));
  }

  /** Signals a child process. */
  signal(signal: NodeJS.Signals): void {
    assert.equal(this.place, 'process', 'only a process gets signals');
    process.kill(this.pid, signal);
  }

  /** Stops the process (SIGSTOP); resolves when the kernel says so. */
  async freeze(): Promise<void> {
    this.signal('SIGSTOP');
    while (processState(this.pid) !== 'T') await setTimeout(1);
  }

  /** Kills the process, or terminates the worker; resolves when it has gone. Idempotent. */
  async kill(): Promise<void> {
    if (this.#channel instanceof Worker) await this.#channel.terminate();
    else if (!this.#gone) this.#channel.kill('SIGKILL');
    await this.exited;
  }

  #add(command: string, began: () => void, id: number): Promise<unknown> {
    const timer = globalThis.setTimeout(() => {
      // From a wait that hangs, only SIGKILL helps. A worker that hangs in native code cannot be helped at all.
      void this.kill();
      this.#fail(new Error(`the peer hung in "${command}"`));
    }, this.#patienceMs * 2);
    const result = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { command, began, resolve, reject });
    });
    const settled = () => clearTimeout(timer);
    result.then(settled, settled);
    return result;
  }

  #onReply(reply: Reply): void {
    const id = reply.kind === 'ready' ? 0 : reply.id;
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (reply.kind !== 'began') this.#pending.delete(id);
    if (reply.kind === 'began') pending.began();
    else if (reply.kind === 'error') pending.reject(fromPlainError(reply.error));
    else pending.resolve(reply.kind === 'value' ? reply.value : undefined);
  }

  #fail(error: Error): void {
    for (const pending of this.#pending.values()) {
      pending.reject(new Error(`in "${pending.command}": ${error.message}`, { cause: error }));
    }
    this.#pending.clear();
  }
}

/** The state letter of proc_pid_stat(5): R running, S sleeping, T stopped, Z dead but not waited for. */
function processState(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.charAt(stat.lastIndexOf(')') + 2);
}
