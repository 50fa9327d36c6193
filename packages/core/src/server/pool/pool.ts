import { type Incoming, noteThread, parseHello, RelayFlag, RelayOp } from '../../channel/index.js';
import type { RpcError } from '../../errors/index.js';
import type { WorkerStats } from '../stats/server-stats.js';
import { type PoolEvents, type PoolListener, PoolListeners } from './events.js';
import { Load } from './load.js';
import { type PoolKnobs, type ResolvedPoolKnobs, type ResolvedPoolStart, resolvePoolKnobs } from './options.js';
import { badStart, PoolWorker } from './pool-worker.js';
import { restartDelay, workersToEnd, workersToStart } from './sizing.js';
import { LAST_WORKER, type PoolLimits, type PoolMeans, type ServicePart } from './threads.js';
import { type WaitingCall, WaitingCalls } from './waiting-calls.js';
import { Watch } from './watch.js';
import type { WorkerCounts } from './worker-counts.js';

export interface PoolParts {
  readonly means: PoolMeans;
  readonly knobs: ResolvedPoolKnobs;
  readonly start: ResolvedPoolStart;
  readonly limits: PoolLimits;
  readonly onError: (error: RpcError) => void;
}

/** Where the messages of a worker go that are for one client's link. */
export interface PoolClient {
  fromWorker(worker: PoolWorker, incoming: Incoming): void;
  /** The worker has ended the channel, and has told the client why. */
  endedByWorker(): void;
  /** The ordered call that ran is done. */
  orderedDone(): void;
  workerEnded(worker: PoolWorker, error: RpcError | undefined): void;
}

/** The workers of a server, and the calls that wait for one. Lives at the front: the thread that has the links. */
export class Pool {
  readonly clients = new Map<number, PoolClient>();
  readonly listeners = new PoolListeners();
  readonly #parts: PoolParts;
  readonly #workers = new Set<PoolWorker>();
  readonly #byNumber: (PoolWorker | undefined)[] = [];
  readonly #waiting = new WaitingCalls();
  readonly #watch = new Watch(this.listeners);
  #knobs: ResolvedPoolKnobs;
  #services: readonly ServicePart[] = [];
  #counts: WorkerCounts | undefined;
  /** What a worker's greeting must be like. */
  #check: (hello: ReturnType<typeof parseHello>) => string | undefined = () => undefined;
  #started: Promise<void> | undefined;
  #lastNumber = 0;
  #lastClient = 0;
  readonly #load = new Load();
  #idle: (() => void)[] = [];
  #failuresInARow = 0;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;
  /** Ordered calls that wait for another of their link: they count as waiting for a worker. */
  held = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#knobs = parts.knobs;
    noteThread('serves');
  }

  get knobs(): ResolvedPoolKnobs {
    return this.#knobs;
  }

  get running(): number {
    return this.#load.running;
  }

  get queued(): number {
    return this.#waiting.length + this.held;
  }

  /** Milliseconds until a call that had to wait now would be done, as far as is known; 0: it would be the next. */
  get expectedMs(): number {
    return this.queued === 0 ? 0 : this.#load.expectedMs(this.queued);
  }

  census(): WorkerStats {
    const count = { starting: 0, waiting: 0, busy: 0, late: 0, ending: 0 };
    for (const { state, running, late } of this.#workers) {
      if (state === 'starting') count.starting++;
      else if (state === 'ready' && running === 0) count.waiting++;
      else if (state === 'ready') count.busy++;
      else count.ending++;
      if (late) count.late++;
    }
    return count;
  }

  on<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): () => void {
    return this.listeners.add(event, listener);
  }

  /** Starts the first workers, once. Rejects with what the first of them fails with. */
  start(
    services: readonly ServicePart[],
    counts: WorkerCounts,
    check: (hello: ReturnType<typeof parseHello>) => string | undefined,
  ): Promise<void> {
    this.#services = services;
    this.#counts = counts;
    this.#check = check;
    this.#started ??= this.#startFirst();
    return this.#started;
  }

  /** Knobs that are not stated stay as they are. Throws INVALID_ARGUMENT (BAD_OPTION); nothing is changed then. */
  resize(knobs: PoolKnobs): void {
    const stated = Object.fromEntries(Object.entries(knobs).filter(([, value]) => value !== undefined));
    this.#knobs = resolvePoolKnobs({ ...this.#knobs, ...stated }, this.#parts.means.processors);
    this.#watch.stop();
    if (this.#load.running > 0) this.#watch.wake(this.#workers, () => this.#knobs);
    if (this.#started === undefined || this.#closed) return;
    this.#adjust();
    this.#letGo();
    this.#serveWaiting();
  }

  newClient(client: PoolClient): number {
    do this.#lastClient = (this.#lastClient + 1) >>> 0;
    while (this.#lastClient === 0 || this.clients.has(this.#lastClient));
    this.clients.set(this.#lastClient, client);
    return this.#lastClient;
  }

  worker(number: number): PoolWorker | undefined {
    return this.#byNumber[number];
  }

  /** A slot of a worker, unless calls wait for one already: the idlest's, of those the one that was busy last. */
  tryTake(): PoolWorker | undefined {
    if (this.#waiting.length > 0) return undefined;
    return this.#take();
  }

  #take(): PoolWorker | undefined {
    let best: PoolWorker | undefined;
    const { perWorker } = this.#knobs;
    for (const worker of this.#workers) {
      if (worker.state !== 'ready' || worker.running >= perWorker) continue;
      if (
        best === undefined ||
        worker.running < best.running ||
        (worker.running === best.running && worker.taken > best.taken)
      )
        best = worker;
    }
    if (best === undefined) return undefined;
    best.taken = ++this.#takes;
    this.#load.take();
    if (best.running++ === 0) {
      this.#watch.wake(this.#workers, this.#knobsNow);
      this.#adjust();
    }
    return best;
  }

  #takes = 0;
  readonly #knobsNow = (): ResolvedPoolKnobs => this.#knobs;

  /** Calls of a worker are done, or (`unused`) slots that were reserved are not needed. */
  give(worker: PoolWorker, slots: number, unused = false): void {
    if (worker.state === 'ended') return;
    worker.running -= slots;
    this.#load.give(slots, !unused);
    this.#failuresInARow = 0;
    this.#serveWaiting();
    if (worker.running === 0) this.#letGo();
    if (this.#load.running === 0 && this.queued === 0) this.#noteIdle();
  }

  /** Has a call wait; who does looks whether too many wait already. */
  wait(call: WaitingCall): void {
    this.#waiting.add(call);
  }

  withdraw(call: WaitingCall): void {
    this.#waiting.remove(call);
  }

  /** Resolves when nothing runs or waits. */
  whenIdle(): Promise<void> {
    if (this.#load.running === 0 && this.queued === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Ends all workers. What they still have fails. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#watch.stop();
    this.#waiting.stop();
    const ended = [...this.#workers].map(
      (worker) => new Promise<void>((resolve) => this.#whenEnded.set(worker, resolve)),
    );
    for (const worker of [...this.#workers]) {
      if (worker.running > 0 || worker.state === 'starting') worker.kill(undefined);
      else worker.stop();
    }
    await Promise.all(ended);
  }

  readonly #whenEnded = new Map<PoolWorker, () => void>();

  #noteIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#take();
      if (worker === undefined) return;
      const next = this.#waiting.shift(performance.now());
      if (next === undefined) {
        worker.running--;
        this.#load.give(1, false);
        break;
      }
      next.start(worker);
    }
    if (this.#load.running === 0) this.#noteIdle();
  }

  async #startFirst(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#adjust();
    });
  }

  #first: { resolve(): void; reject(error: RpcError): void } | undefined;

  /** Starts workers as the rules say. */
  #adjust(): void {
    if (this.#closed || this.#restart !== undefined) return;
    for (let more = workersToStart(this.census(), this.#knobs); more > 0; more--) this.#startOne();
  }

  /** Lets go of workers as the rules say: of those that wait, the one that was busy longest ago. */
  #letGo(): void {
    for (let fewer = workersToEnd(this.census(), this.#knobs); fewer > 0; fewer--) {
      let oldest: PoolWorker | undefined;
      for (const worker of this.#workers) {
        if (worker.state === 'ready' && worker.running === 0 && (oldest === undefined || worker.taken < oldest.taken))
          oldest = worker;
      }
      oldest?.stop();
    }
  }

  #startOne(): void {
    const { means, start, limits, onError } = this.#parts;
    do this.#lastNumber = (this.#lastNumber % LAST_WORKER) + 1;
    while (this.#byNumber[this.#lastNumber] !== undefined);
    const worker = new PoolWorker({
      number: this.#lastNumber,
      means,
      start,
      services: this.#services,
      counts: this.#counts as WorkerCounts,
      limits,
      events: {
        onReady: (ready, hello) => this.#ready(ready, hello),
        onMessage: (from, incoming) => this.#message(from, incoming),
        onError,
        onEnd: (ended, error) => this.#ended(ended, error),
      },
    });
    this.#workers.add(worker);
    this.#byNumber[worker.number] = worker;
  }

  #ready(worker: PoolWorker, hello: string): void {
    const problem = this.#check(parseHello(hello));
    if (problem !== undefined) {
      worker.kill(badStart(problem));
      return;
    }
    this.listeners.tell('started', { worker: worker.number });
    this.#serveWaiting();
    this.#letGo();
    if (this.#first === undefined || this.census().starting > 0) return;
    this.#first.resolve();
    this.#first = undefined;
  }

  #message(worker: PoolWorker, incoming: Incoming): void {
    const { op, number, done, flags } = incoming;
    const client = this.clients.get(number);
    if (op === RelayOp.MESSAGE) {
      if (client === undefined) for (const handle of incoming.takeHandles()) handle.close();
      else client.fromWorker(worker, incoming);
    } else if (op === RelayOp.END) client?.endedByWorker();
    else if (op === RelayOp.DONE && (flags & RelayFlag.ORDERED_DONE) !== 0) client?.orderedDone();
    if (done !== 0) this.give(worker, done);
  }

  #ended(worker: PoolWorker, error: RpcError | undefined): void {
    this.#workers.delete(worker);
    this.#byNumber[worker.number] = undefined;
    this.#load.give(worker.running, false);
    for (const client of this.clients.values()) client.workerEnded(worker, error);
    this.listeners.tell('ended', { worker: worker.number, error });
    this.#whenEnded.get(worker)?.();
    if (this.#first !== undefined && error !== undefined) {
      this.#first.reject(error);
      this.#first = undefined;
      void this.close();
      return;
    }
    if (this.#load.running === 0 && this.queued === 0) this.#noteIdle();
    if (this.#closed) return;
    if (error === undefined) this.#adjust();
    else {
      this.#parts.onError(error);
      this.#replace();
    }
  }

  /** Starts another in the place of one that ended by itself; later and later while none of them gets a call done. */
  #replace(): void {
    const delay = restartDelay(++this.#failuresInARow);
    if (delay === 0) {
      this.#adjust();
      return;
    }
    if (this.#restart !== undefined) return;
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      this.#adjust();
    }, delay);
    this.#restart.unref();
  }
}
