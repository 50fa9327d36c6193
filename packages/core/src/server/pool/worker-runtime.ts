import {
  type Aside,
  type Callbacks,
  Channel,
  type Hello,
  Incoming,
  type MakeCallbacks,
  noteThread,
  parseHello,
  Relay,
  RelayedLink,
  RelayFlag,
  RelayOp,
  sharedNow,
  spendTime,
  turn,
  turnIsDue,
} from '../../channel/index.js';
import { type CodeName, RpcError } from '../../errors/index.js';
import type { Link } from '../../transport/contract.js';
import { CallsInProgress } from '../calls-in-progress.js';
import type { Routes, RoutesById } from '../router.js';
import type { EndedLink, OpenedLink } from './pooled-calls.js';
import type { PoolLimits } from './threads.js';
import { type SlotsOf, WorkerSlots } from './worker-slots.js';

export interface WorkerRuntimeOptions {
  /** To the front. */
  readonly link: Link;
  readonly aside: Aside;
  readonly limits: PoolLimits;
  readonly routes: Routes;
  readonly byId: RoutesById;
  readonly makeCallbacks: MakeCallbacks;
  readonly onError: (error: RpcError) => void;
}

/** What there is for one client's link. */
interface Relayed {
  readonly link: RelayedLink;
  readonly channel: Channel;
  readonly slots: WorkerSlots;
}

const MESSAGES = 8;

/** Runs the calls that the front hands on. Lives in a thread of its own, with an event loop of its own. */
export class WorkerRuntime implements SlotsOf {
  readonly #options: WorkerRuntimeOptions;
  readonly #relay: Relay;
  readonly #incoming: Incoming;
  readonly #links = new Map<number, Relayed>();
  /** When the front had what is handled now, on this thread's clock; 0: it was not said. */
  readonly #cameToFront = { at: 0 };
  #stopping = false;
  #tellQueued = false;

  constructor(options: WorkerRuntimeOptions) {
    noteThread('serves');
    this.#options = options;
    this.#relay = new Relay(options.link, options.aside);
    this.#incoming = new Incoming(options.aside);
  }

  /** Until the front says stop, or is gone. */
  async run(): Promise<void> {
    const { link } = this.#options;
    let handled = 0;
    do {
      for (let span = link.receive(); span !== null; span = link.receive()) {
        this.#incoming.read(span);
        this.#handle(this.#incoming);
        link.release();
        if (++handled % MESSAGES === 0 && turnIsDue(performance.now())) await turn();
      }
    } while (!this.#stopping && !link.ended && (await link.whenReadable(Number.POSITIVE_INFINITY)));
  }

  // --- slots -------------------------------------------------------------------------------------------------------

  /** Told with the next message, which most often is the reply; otherwise soon. */
  gave(link: number, ordered: boolean): void {
    this.#relay.done++;
    if (ordered) void this.#relay.tell(RelayOp.DONE, link, undefined, RelayFlag.ORDERED_DONE);
    else this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#tellQueued) return;
    this.#tellQueued = true;
    queueMicrotask(() => {
      this.#tellQueued = false;
      if (this.#relay.done > 0) void this.#relay.tell(RelayOp.DONE);
    });
  }

  // --- what comes --------------------------------------------------------------------------------------------------

  #handle(incoming: Incoming): void {
    switch (incoming.op) {
      case RelayOp.MESSAGE:
        this.#message(incoming);
        return;
      case RelayOp.OPEN:
        this.#open(JSON.parse(textOf(incoming)) as OpenedLink);
        return;
      case RelayOp.END:
        this.#end(incoming.number, JSON.parse(textOf(incoming)) as EndedLink);
        return;
      case RelayOp.PING:
        void this.#relay.tell(RelayOp.PING);
        return;
      case RelayOp.STOP:
        this.#stopping = true;
    }
  }

  #message(incoming: Incoming): void {
    const { number, came, flags } = incoming;
    const relayed = this.#links.get(number);
    const takes = (flags & RelayFlag.TAKES) !== 0;
    if (relayed !== undefined) {
      const { channel, link, slots } = relayed;
      if (came !== 0) spendTime(incoming, sharedNow() - came);
      this.#cameToFront.at = came === 0 ? 0 : came - performance.timeOrigin;
      const before = slots.takes;
      link.blocks.arrived(incoming.bytes, incoming.copiedAt, incoming.copied);
      channel.handle(incoming);
      // A request that could not be begun has been answered: the slot that the front counts for it is free.
      if (takes && slots.takes === before) this.#notBegun();
    } else if (takes) this.#notBegun();
    for (const handle of incoming.takeHandles()) handle.close();
  }

  #notBegun(): void {
    this.#relay.done++;
    this.#tellSoon();
  }

  #open(opened: OpenedLink): void {
    const { number, hello, checksum, shared, byId } = opened;
    const { limits, routes, byId: routesById, makeCallbacks, onError } = this.#options;
    const { maxMetadataBytes } = limits;
    const link = new RelayedLink(opened, this.#relay, this.#incoming);
    const greeted = hello !== null && {
      local: { ...limits, maxMessageBytes: opened.maxMessageBytes, methods: [] } satisfies Hello,
      remote: parseHello(hello),
    };
    const channel = new Channel({ link, checksum, shared, maxMetadataBytes, ...greeted });
    const slots = new WorkerSlots(this, number);
    let callbacks: Callbacks | undefined;
    channel.requests = new CallsInProgress(channel, {
      routes,
      byId: byId ? routesById : undefined,
      admission: slots,
      draining: () => false,
      onError,
      callbacks: () => (callbacks ??= makeCallbacks(channel)),
      cameToFront: this.#cameToFront,
    });
    this.#links.set(number, { link, channel, slots });
  }

  #end(number: number, { by, orderly, code, reason, message }: EndedLink): void {
    const relayed = this.#links.get(number);
    if (relayed === undefined) return;
    this.#links.delete(number);
    const error = new RpcError(code as CodeName, message, { reason, failed: 'channel' });
    relayed.link.finish({ by, orderly, error });
    relayed.channel.linkEnded();
  }
}

function textOf({ bytes, start, end }: Incoming): string {
  return bytes.toString('utf8', start, end);
}
