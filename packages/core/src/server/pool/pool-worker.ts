import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Incoming, Outbox, Relay, RelayOp, turn, turnIsDue } from '../../channel/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { Link } from '../../transport/contract.js';
import { errorFrom } from './error-parts.js';
import type { ResolvedPoolStart } from './options.js';
import {
  asideOver,
  type PoolLimits,
  type PoolMeans,
  type PoolWorkerData,
  type ServicePart,
  type WorkerNotice,
} from './threads.js';
import type { WorkerCounts } from './worker-counts.js';

/** What hears of a worker. None of them may throw. */
export interface PoolWorkerEvents {
  onReady(worker: PoolWorker, hello: string): void;
  /** Something came from it, valid during the call only. */
  onMessage(worker: PoolWorker, incoming: Incoming): void;
  onError(error: RpcError): void;
  /** Its thread has ended. `error`: why, unless it was told to. */
  onEnd(worker: PoolWorker, error: RpcError | undefined): void;
}

export interface PoolWorkerOptions {
  readonly number: number;
  readonly means: PoolMeans;
  readonly start: ResolvedPoolStart;
  readonly services: readonly ServicePart[];
  readonly limits: PoolLimits;
  readonly counts: WorkerCounts;
  readonly events: PoolWorkerEvents;
}

/** Milliseconds that a worker has to end by itself when it is told to. */
const STOP_MS = 5000;
const MESSAGES = 8;

/** A worker as the front sees it: its thread, the link to it, and how many calls it has. */
export class PoolWorker {
  readonly number: number;
  readonly relay: Relay;
  /** What found the relay full. */
  readonly outbox: Outbox;
  state: 'starting' | 'ready' | 'ending' | 'ended' = 'starting';
  /** Calls that it has, and those that a probe has reserved. */
  running = 0;
  /** Calls that it has been given so far. */
  taken = 0;
  /** Looks since it was asked for a sign of life and gave none; -1: it was not asked. */
  silentLooks = -1;
  heard = false;
  late = false;
  readonly #worker: Worker;
  readonly #link: Link;
  readonly #port: MessagePort;
  readonly #incoming: Incoming;
  readonly #events: PoolWorkerEvents;
  #timer: NodeJS.Timeout | undefined;
  #thrown: unknown;
  #failure: RpcError | undefined;

  constructor({ number, means, start, services, limits, counts, events }: PoolWorkerOptions) {
    this.number = number;
    this.#events = events;
    const memory = means.makeMemory();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.unref();
    this.#link = means.openFront(memory);
    this.#link.unref();
    const aside = asideOver(port1);
    this.relay = new Relay(this.#link, aside);
    this.outbox = new Outbox({
      whenWritable: (bytes, deadline, signal) => this.relay.whenRoom(bytes, deadline, signal),
      flush: () => undefined,
      get end() {
        return undefined;
      },
    });
    this.#incoming = new Incoming(aside);
    const { setup, execArgv, resourceLimits } = start;
    const { composition } = means;
    const counted = counts.give();
    const data: PoolWorkerData = {
      number,
      memory,
      aside: port2,
      services,
      setup,
      limits,
      counts: counted,
      composition,
    };
    this.#worker = new Worker(means.program, {
      workerData: data,
      transferList: [port2],
      // Descriptors travel between front and workers: Node would close those that a worker has opened and given away, when it
      // ends, by numbers that belong to others by then.
      trackUnmanagedFds: false,
      name: `callgate worker ${number}`,
      ...(execArgv !== undefined && { execArgv: [...execArgv] }),
      ...(resourceLimits !== undefined && { resourceLimits }),
    });
    this.#worker.on('message', (notice: WorkerNotice) => this.#notice(notice));
    this.#worker.on('error', (error) => {
      this.#thrown = error;
    });
    this.#worker.on('exit', (code) => {
      // Not before: who is being ended may still count.
      counts.takeBack(counted);
      this.#exited(code);
    });
    const { startTimeoutMs } = start;
    this.#timer = setTimeout(
      () => this.kill(badStart(`it was not ready after ${startTimeoutMs} ms (pool.startTimeoutMs)`)),
      Math.min(startTimeoutMs, 2 ** 31 - 1),
    );
  }

  /** Asks it to end when its calls are done, of which it must have none; ends it if it does not. */
  stop(): void {
    if (this.state === 'ending' || this.state === 'ended') return;
    this.state = 'ending';
    clearTimeout(this.#timer);
    this.#worker.ref();
    void this.relay.tell(RelayOp.STOP);
    this.#timer = setTimeout(() => void this.#worker.terminate(), STOP_MS);
  }

  /** Ends it at once; for good, whatever its thread does. `why`: for those whose calls it has. */
  kill(why: RpcError | undefined): void {
    if (this.state === 'ended') return;
    this.#failure = why;
    void this.#worker.terminate();
    this.#end(why);
  }

  #notice(notice: WorkerNotice): void {
    if (notice.kind === 'error') this.#events.onError(errorFrom(notice.error));
    else if (this.state !== 'starting') return;
    else if (notice.kind === 'failed') this.kill(errorFrom(notice.error));
    else {
      clearTimeout(this.#timer);
      this.state = 'ready';
      // What holds the process are listeners and links, not who waits to work for them.
      this.#worker.unref();
      void this.#receive();
      this.#events.onReady(this, notice.hello);
    }
  }

  async #receive(): Promise<void> {
    const link = this.#link;
    let handled = 0;
    do {
      for (let span = link.receive(); span !== null; span = link.receive()) {
        this.#incoming.read(span);
        this.heard = true;
        this.#events.onMessage(this, this.#incoming);
        link.release();
        if (++handled % MESSAGES === 0 && turnIsDue(performance.now())) await turn(false);
      }
    } while (!link.ended && (await link.whenReadable(Number.POSITIVE_INFINITY)));
  }

  #exited(code: number): void {
    if (this.state === 'ended') return;
    // What it said before it ended is still to be heard.
    this.#receiveRest();
    if (this.state === 'ending' && this.#thrown === undefined) this.#end(this.#failure);
    else this.#end(this.#failure ?? this.#unexpected(code));
  }

  #receiveRest(): void {
    if (this.state === 'starting') return;
    for (let span = this.#link.receive(); span !== null; span = this.#link.receive()) {
      this.#incoming.read(span);
      this.#events.onMessage(this, this.#incoming);
      this.#link.release();
    }
  }

  #unexpected(code: number): RpcError {
    const thrown = this.#thrown;
    if (thrown === undefined) return died(`its handler, or what it started, called process.exit(${code})`);
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
      return died('it ran out of memory (pool.resourceLimits)', thrown);
    return died(`it threw outside a call: ${thrown instanceof Error ? thrown.message : String(thrown)}`, thrown);
  }

  #end(error: RpcError | undefined): void {
    const starting = this.state === 'starting';
    this.state = 'ended';
    clearTimeout(this.#timer);
    this.#link.abort();
    this.#port.close();
    const told =
      starting && error !== undefined && error.reason !== Reason.BAD_SERVICE ? badStart(error.message, error) : error;
    this.#events.onEnd(this, told);
  }
}

function died(how: string, cause?: unknown): RpcError {
  return new RpcError('UNAVAILABLE', how, { reason: Reason.WORKER_DIED, cause });
}

/** A worker can't begin. */
export function badStart(why: string, cause?: unknown): RpcError {
  return new RpcError('FAILED_PRECONDITION', `a worker of the pool can't be started: ${why}`, {
    reason: Reason.BAD_SERVICE,
    cause,
  });
}
