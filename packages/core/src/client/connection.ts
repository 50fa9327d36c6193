import {
  type BeginOptions,
  begin,
  type Channel,
  callingLink,
  directionProblem,
  driveAsync,
  driveSync,
  type Hello,
  Life,
  notificationsOf,
  notifies,
  receiveLoop,
  receiveRest,
} from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type {
  Address,
  Deadline,
  Link,
  LinkEnd,
  Mode,
  Peer,
  Transport,
  TransportOptions,
} from '../transport/contract.js';
import type { StubMethod } from './call-in-flight.js';
import type { CallsInFlight } from './calls-in-flight.js';
import { bindMethods, type MethodIds } from './method-ids.js';
import type { ClientDirection } from './options.js';

/** Where a client's calls go. */
export interface Target {
  readonly address: Address;
  readonly transport: Transport;
  readonly transportOptions: TransportOptions;
}

export interface ConnectionOptions {
  readonly mode: Mode;
  readonly direction: ClientDirection;
  readonly connectTimeoutMs: number;
  /** undefined: as the transport's capabilities suggest. */
  readonly checksum: boolean | undefined;
  readonly maxMetadataBytes: number;
}

/** Milliseconds that an `immediate` call gives its client to connect, unless its grace is longer: making a link is no waiting. */
export const IMMEDIATE_CONNECT_MS = 250;

/** A channel with the callee's numbers for the methods of one stub. */
export interface OpenChannel {
  readonly channel: Channel;
  readonly methodIds: MethodIds;
  /** Nothing comes back: it carries one-way calls only. */
  readonly oneWay: boolean;
}

/** A client's way to its server: opened by the first call, and again by the first call after it was lost. */
export class Connection {
  readonly #target: () => Target;
  readonly #methods: readonly StubMethod[];
  readonly #calls: CallsInFlight;
  readonly #options: ConnectionOptions;
  #opening: Promise<OpenChannel> | undefined;
  #open: OpenChannel | undefined;
  #ended: LinkEnd | undefined;
  #closed: RpcError | undefined;
  /** Of the connections, one after the other. */
  readonly life = new Life();
  /** Ends an opening that is under way. */
  readonly #giveUp = new AbortController();

  constructor(target: () => Target, methods: readonly StubMethod[], calls: CallsInFlight, options: ConnectionOptions) {
    this.#target = target;
    this.#methods = methods;
    this.#calls = calls;
    this.#options = options;
  }

  /** The live channel, if there is one. */
  get current(): OpenChannel | undefined {
    return this.#open;
  }

  get peer(): Peer | undefined {
    return this.#open?.channel.link.peer;
  }

  /** How the last channel ended; undefined while there is one, and before the first. */
  get lastEnd(): LinkEnd | undefined {
    return this.#open === undefined ? this.#ended : undefined;
  }

  open(): Promise<OpenChannel> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#open !== undefined) return Promise.resolve(this.#open);
    this.#opening ??= this.#openNow().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Blocks the thread. */
  openSync(deadline: Deadline): OpenChannel {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#open !== undefined && !this.#open.channel.ended) return this.#open;
    if (this.#open !== undefined) receiveRest(this.#open.channel);
    const target = this.#usableTarget();
    const before = Math.min(deadline, performance.now() + this.#options.connectTimeoutMs);
    const options = this.#transportOptions(target);
    const { transport, address } = target;
    const link = callingLink(transport.connectSync(address, options, before), transport.capabilities, options, true);
    try {
      return this.#adopt(driveSync(begin(link, this.#beginning(target, link)), link, before));
    } catch (error) {
      link.abort();
      throw error;
    }
  }

  /** Orderly; what is in flight must have been ended before. */
  async close(): Promise<void> {
    const error = this.#markClosed();
    this.#giveUp.abort(error);
    const open = this.#open ?? (await this.#opening?.catch(() => undefined));
    await open?.channel.link.close();
    if (open === undefined) this.life.end({ by: 'local', orderly: true, error }, undefined);
  }

  closeSync(): void {
    const error = this.#markClosed();
    const open = this.#open;
    open?.channel.link.closeSync();
    if (open === undefined) this.life.end({ by: 'local', orderly: true, error }, undefined);
    else open.channel.linkEnded();
  }

  #markClosed(): RpcError {
    const words = `the client of ${this.#methods[0]?.service.typeName ?? 'this service'} is closed`;
    this.#closed ??= new RpcError('FAILED_PRECONDITION', words, { reason: Reason.CLOSED });
    return this.#closed;
  }

  async #openNow(): Promise<OpenChannel> {
    const target = this.#usableTarget();
    const before = performance.now() + this.#options.connectTimeoutMs;
    const { signal } = this.#giveUp;
    const options = this.#transportOptions(target);
    const { transport, address } = target;
    const opened = await transport.connect(address, options, before, signal);
    const link = callingLink(opened, transport.capabilities, options, false);
    try {
      const open = this.#adopt(await driveAsync(begin(link, this.#beginning(target, link)), link, before, signal));
      void receiveLoop(open.channel);
      return open;
    } catch (error) {
      link.abort();
      throw error;
    }
  }

  #adopt(channel: Channel): OpenChannel {
    const { link, remote } = channel;
    if (link.direction !== this.#options.direction) throw wrongDirection(link, this.#options.direction);
    const methodIds = bindMethods(this.#methods, remote, link.peer.address);
    const open = { channel, methodIds, oneWay: link.direction === 'send' };
    channel.replies = {
      onReply: (envelope, span) => this.#calls.onReply(envelope, span),
      onEnd: (end) => {
        if (this.#open === open) this.#open = undefined;
        this.#ended = end;
        this.#calls.failOn(channel, end);
        this.life.end(end, link.peer);
      },
    };
    if (link.mark !== undefined) link.onLost = (about, error) => this.#calls.lose(channel, about, error);
    this.#open = open;
    this.life.renew();
    if (this.#calls.stats.inFlight === 0) channel.link.unref();
    return open;
  }

  #beginning(target: Target, link: Link): BeginOptions {
    const { maxMessageBytes } = link;
    const local: Hello = { maxMessageBytes, maxMetadataBytes: this.#options.maxMetadataBytes, methods: [] };
    const { capabilities } = target.transport;
    const checksum = this.#options.checksum ?? capabilities.damages;
    const notifications = notifies(capabilities) ? notificationsOf(this.#methods) : undefined;
    return { local, checksum, capabilities, notifications, doing: `connecting to ${target.address.url}` };
  }

  #transportOptions(target: Target): TransportOptions {
    const { direction } = this.#options;
    const { transportOptions } = target;
    return (transportOptions.direction ?? 'duplex') === direction
      ? transportOptions
      : { ...transportOptions, direction };
  }

  #usableTarget(): Target {
    const target = this.#target();
    const problem = targetProblem(target, this.#options.direction, this.#options.mode);
    if (problem !== undefined) throw problem;
    return target;
  }
}

function wrongDirection(link: Link, asked: ClientDirection): RpcError {
  const words = `the link to ${link.peer.address} was opened with direction ${link.direction}, though ${asked} was asked for`;
  return new RpcError('INTERNAL', words, { failed: 'channel' });
}

/** Why a target can't carry such a client's calls, or undefined. FAILED_PRECONDITION, naming the capability. */
export function targetProblem(target: Target, direction: ClientDirection, mode: Mode): RpcError | undefined {
  const { transport, address } = target;
  const problem = directionProblem(transport, 'connect', direction, address.url);
  if (problem !== undefined) return problem;
  if (direction === 'duplex' || mode === 'async' || transport.capabilities.confirms) return undefined;
  const words = `${address.url}: a blocking one-way call waits until it has been taken, which the ${transport.scheme}: transport can't tell (capability confirms); use a client whose calls are awaited`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
