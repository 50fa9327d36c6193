import {
  begin,
  type Callbacks,
  type Channel,
  type ChannelEnd,
  driveAsync,
  greets,
  type Hello,
  type MakeCallbacks,
  notifies,
  receiveLoop,
  threadIdentity,
} from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Capabilities, Link } from '../transport/contract.js';
import type { Admission } from './admission.js';
import { CallsInProgress, type ServingCounts } from './calls-in-progress.js';
import type { ListenTarget } from './contract.js';
import { type LeavingLink, mayClose, sendAway } from './leaving.js';
import { notificationsIn } from './listening.js';
import type { ResolvedServerOptions } from './options.js';
import type { Pool } from './pool/pool.js';
import { PooledCalls } from './pool/pooled-calls.js';
import { methodTable, type Routes, type RoutesById } from './router.js';
import { settledWithin } from './settled-within.js';

/** What there is for one link. */
interface Serving extends LeavingLink {
  calls?: CallsInProgress | PooledCalls;
  channel?: Channel;
  callbacks?: Callbacks;
}

/** What a server offers to the links that come from now on. */
export interface Offered {
  readonly services: readonly ServiceDefinition[];
  readonly routes: Routes;
  readonly routesById: RoutesById;
}

export interface ServedLinksOptions {
  readonly server: ResolvedServerOptions;
  readonly admission: Admission;
  /** How it calls what its clients offer. */
  readonly makeCallbacks: MakeCallbacks | undefined;
  /** True while the server takes no more calls. */
  readonly draining: () => boolean;
  readonly onPeerDeath: (end: ChannelEnd) => void;
  /** Where handlers run, if not in this thread. */
  readonly pool: Pool | undefined;
}

/** The links of one server's clients, each from its greeting to its end. */
export class ServedLinks {
  readonly #options: ServedLinksOptions;
  readonly #serving = new Map<Link, Serving>();
  readonly #counts: ServingCounts = { lateItems: 0 };
  /** Why whoever comes is sent away. */
  #leaving: RpcError | undefined;

  constructor(options: ServedLinksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#serving.size;
  }

  /** Over all links, also those that have ended. */
  get counts(): Readonly<ServingCounts> {
    return this.#counts;
  }

  /** Serves a link for as long as it lives. Never rejects. */
  async serve(link: Link, { transport, trusted }: ListenTarget, offered: Offered): Promise<void> {
    const entry: Serving = { refusing: false };
    this.#serving.set(link, entry);
    const { server } = this.#options;
    const { capabilities } = transport;
    try {
      entry.channel = await this.#begin(link, capabilities, offered);
      entry.channel.loans.trusted = server.trusted ?? trusted ?? false;
      this.#takeCalls(entry, entry.channel, offered, capabilities);
      if (this.#leaving !== undefined) sendAway(entry, this.#leaving, performance.now());
      await receiveLoop(entry.channel);
    } catch (error) {
      const failure = RpcError.from(error, 'INTERNAL');
      link.abort(failure);
      entry.channel?.linkEnded();
      // Closing on either side before the greeting is no failure: a server that stops, somebody who only looked.
      if (failure.reason !== Reason.CLOSED && failure.reason !== Reason.PEER_CLOSED) server.onError(failure);
    } finally {
      this.#serving.delete(link);
      await link.close();
    }
  }

  #begin(link: Link, capabilities: Capabilities, { services, routes }: Offered): Promise<Channel> {
    const { server } = this.#options;
    const { maxMessageBytes } = link;
    const { maxMetadataBytes, streamWindowBytes, streamWindowMessages } = server;
    const limits = { maxMessageBytes, maxMetadataBytes, streamWindowBytes, streamWindowMessages };
    const local: Hello = { ...limits, methods: methodTable(routes), thread: threadIdentity() };
    const checksum = server.checksum ?? capabilities.damages;
    const doing = `waiting for the greeting of ${link.peer.address}`;
    const before = performance.now() + server.greetTimeoutMs;
    const notifications = notifies(capabilities) ? notificationsIn(services) : undefined;
    return driveAsync(begin(link, { local, checksum, doing, capabilities, notifications }), link, before);
  }

  #takeCalls(entry: Serving, channel: Channel, offered: Offered, capabilities: Capabilities): void {
    const { server, admission, draining, makeCallbacks, onPeerDeath, pool } = this.#options;
    const { onError } = server;
    const { routes } = offered;
    const byId = greets(channel.link, capabilities) ? undefined : offered.routesById;
    const common = { routes, byId, draining: () => entry.refusing || draining(), onError, counts: this.#counts };
    const callbacks = makeCallbacks && (() => (entry.callbacks ??= makeCallbacks(channel)));
    const calls =
      pool === undefined
        ? new CallsInProgress(channel, { ...common, admission, callbacks })
        : new PooledCalls(channel, pool, {
            ...common,
            handlesPerMessage: capabilities.handlesPerMessage,
            checksum: server.checksum ?? capabilities.damages,
          });
    channel.requests = calls;
    channel.life.onPeerDeath(onPeerDeath);
    entry.calls = calls;
  }

  /** Has all clients go elsewhere, those that come from now on, too. */
  sendAway(why: RpcError): void {
    this.#leaving = why;
    const now = performance.now();
    for (const entry of this.#serving.values()) sendAway(entry, why, now);
  }

  /** Closes the links of those who were sent away and of whom nothing is under way any more. */
  closeFinished(): void {
    const now = performance.now();
    for (const [link, entry] of this.#serving) {
      if (link.end !== undefined || !mayClose(entry, now)) continue;
      // Who sees an orderly end may rely on it: what was not answered was never begun.
      entry.refusing = true;
      void link.close();
    }
  }

  /** Waits, no longer than `ms`, until what was called back from elsewhere than from a handler is done. */
  async calledBack(ms: number): Promise<void> {
    const back = [...this.#serving.values()].flatMap(({ callbacks }) => callbacks?.idle ?? []);
    if (back.length > 0) await settledWithin(Promise.all(back), ms);
  }

  /** Closes all, for that reason; each gets so many milliseconds to take its last answers. `farewell`: clients are told why. */
  async close(why: RpcError, farewell: boolean, timeoutMs: number): Promise<void> {
    await Promise.all(
      [...this.#serving].map(async ([link, { calls, channel, callbacks }]) => {
        callbacks?.failAll(new RpcError('CANCELLED', 'the server was closed', { reason: Reason.CLOSED }));
        calls?.refuseAll(why);
        if (farewell) channel?.sayGoodbye(why);
        await settledWithin(channel?.outbox.drained, timeoutMs);
        // Who sees an orderly end may rely on it: what was not answered was never begun.
        if (channel !== undefined && channel.outbox.length > 0) link.abort(why);
        await link.close();
      }),
    );
  }
}
