import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RpcError } from '@callgate/core/errors';
import { Backoff } from './serve-backoff.js';
import type { TellEvent } from './serve-events.js';
import type { Order, Report } from './serve-messages.js';

/** Milliseconds for a process to end after it should have drained, until it is killed. */
const PATIENCE_MS = 5000;
/** The first descriptor that a process inherits: 0 to 2 are the standard streams, 3 is the channel to who started it. */
const FIRST_INHERITED = 4;

export interface SupervisorOptions {
  readonly processes: number;
  readonly module: string;
  readonly urls: readonly string[];
  readonly drainMs: number;
  /** What is bound already. */
  readonly places: readonly { readonly url: string; readonly descriptor: number; close(): void }[];
  readonly tell: TellEvent;
}

/** One of the processes at a time: its successor takes its place when it listens. */
interface Slot {
  readonly number: number;
  readonly backoff: Backoff;
  current: Running | undefined;
  restarting: NodeJS.Timeout | undefined;
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** True once it listens; false when it has ended before. */
  readonly listens: Promise<boolean>;
  /** How it ended, in words and as a number: 0 when all was well. */
  readonly ended: Promise<{ readonly how: string; readonly exitCode: number }>;
  /** It is to end. */
  leaving: boolean;
  why: string | undefined;
}

/** Starts a process for each slot, and another one for each that dies. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: readonly Slot[];
  readonly #running = new Set<Running>();
  #rolling: Promise<void> | undefined;
  #stopping = false;
  #stopped!: (exitCode: number) => void;
  /** Resolves to the exit code when no process is left. */
  readonly stopped = new Promise<number>((resolve) => {
    this.#stopped = resolve;
  });

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.processes }, (_, i) => ({
      number: i + 1,
      backoff: new Backoff(),
      current: undefined,
      restarting: undefined,
    }));
  }

  /** Rejects when one of the processes can't be started, after it has stopped the others. */
  async start(): Promise<void> {
    const started = this.#slots.map(async (slot) => {
      const running = this.#start(slot);
      slot.current = running;
      return (await running.listens) ? undefined : running;
    });
    const failed = (await Promise.all(started)).find((running) => running !== undefined);
    if (failed === undefined || this.#stopping) return;
    const why = failed.why ?? (await failed.ended).how;
    await this.#stop(1);
    throw new RpcError('FAILED_PRECONDITION', why);
  }

  /** Restarts one after the other: the next only when the one before listens. */
  roll(): void {
    if (this.#stopping || this.#rolling !== undefined) return;
    this.#rolling = this.#roll().finally(() => {
      this.#rolling = undefined;
    });
  }

  /** The first time: all drain. The second time: all end at once. */
  stop(): void {
    if (!this.#stopping) void this.#stop(0);
    else for (const { child } of this.#running) child.kill('SIGTERM');
  }

  async #stop(exitCode: number): Promise<void> {
    this.#stopping = true;
    const { places, tell, drainMs } = this.#options;
    for (const place of places) place.close();
    if (exitCode === 0) tell({ event: 'stopping' });
    for (const { restarting } of this.#slots) clearTimeout(restarting);
    const all = [...this.#running].map(async (running) => {
      this.#leave(running, drainMs);
      return (await running.ended).exitCode;
    });
    const codes = await Promise.all(all);
    this.#stopped(Math.max(exitCode, ...codes));
  }

  async #roll(): Promise<void> {
    const { tell, drainMs } = this.#options;
    tell({ event: 'rolling' });
    for (const slot of this.#slots) {
      if (this.#stopping) return;
      const before = slot.current;
      const next = this.#start(slot);
      if (!(await next.listens)) {
        // What there is stays, since what would come in its place is worse.
        tell({ event: 'failed', process: slot.number, pid: next.pid, why: next.why ?? (await next.ended).how });
        return;
      }
      clearTimeout(slot.restarting);
      slot.current = next;
      if (before !== undefined && this.#running.has(before)) this.#leave(before, drainMs);
    }
    tell({ event: 'rolled' });
  }

  /** Has a process drain, and kills it when it takes too long. */
  #leave(running: Running, drainMs: number): void {
    running.leaving = true;
    running.child.kill('SIGTERM');
    const late = setTimeout(() => running.child.kill('SIGKILL'), Math.min(drainMs + PATIENCE_MS, 2 ** 31 - 1));
    void running.ended.then(() => clearTimeout(late));
  }

  #start(slot: Slot): Running {
    const { module, urls, drainMs, places, tell } = this.#options;
    const inherited = Object.fromEntries(places.map(({ url }, i) => [url, FIRST_INHERITED + i]));
    const child = startProcess(
      { do: 'serve', module, urls, drainMs, inherited },
      places.map(({ descriptor }) => descriptor),
    );
    const pid = child.pid ?? 0;
    let listening!: (listens: boolean) => void;
    const running: Running = {
      child,
      pid,
      listens: new Promise((resolve) => {
        listening = resolve;
      }),
      ended: ended(child),
      leaving: false,
      why: undefined,
    };
    this.#running.add(running);
    child.on('message', (report: Report) => {
      if (report.says === 'failed') running.why = report.why;
      if (report.says !== 'listening') return;
      slot.backoff.began(performance.now());
      tell({ event: 'listening', process: slot.number, pid, urls: report.urls });
      listening(true);
    });
    void running.ended.then(({ how }) => {
      this.#running.delete(running);
      listening(false);
      if (running.leaving) tell({ event: 'left', process: slot.number, pid, how });
      else if (slot.current === running) this.#died(slot, running, how);
    });
    return running;
  }

  #died(slot: Slot, { pid, why }: Running, how: string): void {
    slot.current = undefined;
    if (this.#stopping) return;
    const restartInMs = slot.backoff.next(performance.now());
    this.#options.tell({ event: 'died', process: slot.number, pid, how: why ?? how, restartInMs });
    slot.restarting = setTimeout(() => {
      slot.current = this.#start(slot);
    }, restartInMs);
  }
}

/** Starts a process that follows an order; it inherits the descriptors as 4, 5, … */
export function startProcess(order: Order, descriptors: readonly number[] = []): ChildProcess {
  const program = fileURLToPath(new URL('./serve-process.js', import.meta.url));
  const child = fork(program, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors] });
  child.send(order);
  return child;
}

function ended(child: ChildProcess): Running['ended'] {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ how: error.message, exitCode: 1 }));
    child.once('exit', (code, signal) => {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      resolve({ how, exitCode: code === 0 ? 0 : 1 });
    });
  });
}
