import assert from 'node:assert/strict';
import type { RpcError } from '../errors/index.js';
import { parseAddress } from '../transport/address.js';
import type { Capabilities, Link, Listener, Transport, TransportOptions } from '../transport/contract.js';
import type { ResolvedTest } from './options.js';
import { type Place, RemotePeer } from './peer/remote.js';
import type { Machine } from './probe.js';
import { fillFirmly, inMs } from './traffic.js';

export interface Pair {
  /** The end that connected. */
  readonly client: Link;
  /** The end that was accepted. */
  readonly server: Link;
  readonly listening: Listening;
}

/** A listener together with what came to it. */
export interface Listening {
  readonly url: string;
  readonly listener: Listener;
  /** What `onError` heard. */
  readonly errors: readonly RpcError[];
  /** The oldest link that has not been asked for yet; waits for it. */
  accepted(): Promise<Link>;
  /** Links that nobody has asked for. */
  readonly waiting: readonly Link[];
}

export interface StageOptions {
  readonly test: ResolvedTest;
  readonly transport: Transport;
  readonly newUrl: () => string;
  /** The folder in which the addresses lie. */
  readonly scratch: string;
  /** Where servers that may have been killed have listened. */
  readonly remoteUrls: string[];
  /** What the kernel held before the suite began. */
  readonly atStart: Machine;
}

/** What one case makes, and its undoing: links, listeners and peers, all of them gone after `clear`. */
export class Stage {
  readonly transport: Transport;
  readonly capabilities: Capabilities;
  readonly options: TransportOptions;
  readonly patienceMs: number;
  readonly settlingMs: number;
  readonly newUrl: () => string;
  /** A fresh URL for a peer to listen at. */
  readonly remoteUrl: () => string;
  readonly scratch: string;
  readonly atStart: Machine;
  readonly #remoteUrls: string[];
  readonly #test: ResolvedTest;
  readonly #links: Link[] = [];
  readonly #listeners: Listener[] = [];
  readonly #peers: RemotePeer[] = [];

  constructor(options: StageOptions) {
    this.#test = options.test;
    this.transport = options.transport;
    this.newUrl = options.newUrl;
    this.scratch = options.scratch;
    this.#remoteUrls = options.remoteUrls;
    this.atStart = options.atStart;
    this.remoteUrl = () => {
      const url = options.newUrl();
      options.remoteUrls.push(url);
      return url;
    };
    this.capabilities = options.test.expected.capabilities;
    this.options = options.test.options;
    this.patienceMs = options.test.patienceMs;
    this.settlingMs = options.test.settlingMs;
  }

  /** An instant that is far enough away for all that should happen. */
  get patience(): number {
    return inMs(this.patienceMs);
  }

  async listen(url: string = this.newUrl(), options: TransportOptions = this.options): Promise<Listening> {
    const waiting: Link[] = [];
    const errors: RpcError[] = [];
    let wake = () => {};
    const onLink = (link: Link) => {
      this.#links.push(link);
      waiting.push(link);
      wake();
    };
    const listener = await this.transport.listen(parseAddress(url), options, onLink, (error) => errors.push(error));
    this.#listeners.push(listener);
    const arrival = () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      });
    return {
      url: listener.url,
      listener,
      errors,
      waiting,
      accepted: async () => {
        while (waiting.length === 0) await this.within(arrival(), 'the listener to get a link');
        return waiting.shift()!;
      },
    };
  }

  async connect(
    url: string,
    options: TransportOptions = this.options,
    deadline: number = this.patience,
    signal?: AbortSignal,
  ): Promise<Link> {
    const link = await this.transport.connect(parseAddress(url), options, deadline, signal);
    this.#links.push(link);
    return link;
  }

  /** Both ends of a fresh link, on this thread. */
  async pair(options: TransportOptions = this.options): Promise<Pair> {
    const listening = await this.listen(this.newUrl(), options);
    const client = await this.connect(listening.url, options);
    return { client, server: await listening.accepted(), listening };
  }

  /** Fills a link until it stays full; gives how many messages it took. */
  fillFirmly(link: Link, from: number, size: number): Promise<number> {
    return fillFirmly(link, from, size, this.settlingMs);
  }

  /** A fresh program elsewhere. */
  async peer(place: Place): Promise<RemotePeer> {
    const { transport, options, patienceMs } = this.#test;
    const peer = await RemotePeer.start(place, { transport, options, patienceMs });
    this.#peers.push(peer);
    return peer;
  }

  /** A peer that has connected to a listener on this thread. */
  async client(place: Place, options: { readonly sync?: boolean } = {}) {
    const listening = await this.listen();
    const peer = await this.peer(place);
    const how = { url: listening.url, timeoutMs: this.patienceMs };
    await (options.sync ? peer.call('connectSync', how) : peer.call('connect', how));
    return { peer, listening, link: await listening.accepted() };
  }

  /** A peer that has accepted a link from this thread. */
  async server(place: Place) {
    const peer = await this.peer(place);
    const url = await peer.call('listen', { url: this.remoteUrl() });
    const link = await this.connect(url);
    await peer.call('accept');
    return { peer, url, link };
  }

  /** The promise's result; fails when it takes longer than the suite's patience. */
  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new assert.AssertionError({ message: `waited ${this.patienceMs} ms in vain for ${what}` })),
        this.patienceMs,
      );
    });
    try {
      return await Promise.race([promise, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  async clear(): Promise<void> {
    for (const link of this.#links) link.abort();
    await this.within(Promise.all(this.#peers.map((peer) => peer.kill())), 'the peers to go');
    await this.within(Promise.all(this.#listeners.map((listener) => listener.close())), 'the listeners to close');
    this.#links.length = 0;
    this.#peers.length = 0;
    this.#listeners.length = 0;
    // What can't be cleared away now is tried again at the end, where it counts.
    await this.clearAwayServers().catch(() => undefined);
  }

  /**
   * Whatever killed servers left at their addresses, the next one that listens there clears away. Soon, since what has no
   * owner in the kernel's lists would look like a leak to other suites that run at the same time.
   */
  async clearAwayServers(): Promise<void> {
    const { transport, options } = this;
    for (let url = this.#remoteUrls.at(-1); url !== undefined; url = this.#remoteUrls.at(-1)) {
      await (await transport.listen(parseAddress(url), options, (link) => link.abort())).close();
      this.#remoteUrls.pop();
    }
  }
}
