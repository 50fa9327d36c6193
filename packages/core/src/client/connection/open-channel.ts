import {
  type BeginOptions,
  begin,
  type Channel,
  callingLink,
  driveAsync,
  driveSync,
  type Hello,
  notificationsOf,
  notifies,
  type Offering,
  threadIdentity,
} from '../../channel/index.js';
import { RpcError } from '../../errors/index.js';
import type { Deadline, Link, Mode, TransportOptions } from '../../transport/contract.js';
import type { StubMethod } from '../call-in-flight.js';
import { bindMethods, type MethodIds } from '../method-ids.js';
import type { ClientDirection } from '../options.js';
import { type Target, targetProblem } from './target.js';

/** What a channel is opened with. */
export interface OpeningOptions {
  readonly mode: Mode;
  readonly direction: ClientDirection;
  readonly connectTimeoutMs: number;
  /** undefined: as the transport's capabilities suggest. */
  readonly checksum: boolean | undefined;
  readonly maxMetadataBytes: number;
  /** What comes by reference is not copied. */
  readonly trusted: boolean;
  readonly streamWindowBytes: number;
  readonly streamWindowMessages: number;
  /** What the server may call over the same link. */
  readonly offering: Offering | undefined;
}

/** A channel with the callee's numbers for the methods of one stub. */
export interface OpenChannel {
  readonly channel: Channel;
  readonly methodIds: MethodIds;
  /** Nothing comes back: it carries one-way calls only. */
  readonly oneWay: boolean;
  /** Something has been sent over it. Minded where threads block. */
  used: boolean;
}

/** Connects and greets. `adopt` takes what came of it; when it throws, the link is dropped. */
export async function openAsync<T>(
  target: Target,
  methods: readonly StubMethod[],
  options: OpeningOptions,
  signal: AbortSignal,
  adopt: (open: OpenChannel) => T,
): Promise<T> {
  checkTarget(target, options);
  const before = performance.now() + options.connectTimeoutMs;
  const wanted = transportOptions(target, options.direction);
  const { transport, address } = target;
  const opened = await transport.connect(address, wanted, before, signal);
  const link = callingLink(opened, transport.capabilities, wanted, false);
  try {
    const channel = await driveAsync(begin(link, beginning(target, methods, options, link)), link, before, signal);
    return adopt(bound(channel, methods, options));
  } catch (error) {
    link.abort();
    throw error;
  }
}

/** The same, blocking the thread until the deadline at most. */
export function openSync<T>(
  target: Target,
  methods: readonly StubMethod[],
  options: OpeningOptions,
  deadline: Deadline,
  adopt: (open: OpenChannel) => T,
): T {
  checkTarget(target, options);
  const before = Math.min(deadline, performance.now() + options.connectTimeoutMs);
  const wanted = transportOptions(target, options.direction);
  const { transport, address } = target;
  const link = callingLink(transport.connectSync(address, wanted, before), transport.capabilities, wanted, true);
  try {
    const channel = driveSync(begin(link, beginning(target, methods, options, link)), link, before);
    return adopt(bound(channel, methods, options));
  } catch (error) {
    link.abort();
    throw error;
  }
}

function checkTarget(target: Target, { direction, mode }: OpeningOptions): void {
  const problem = targetProblem(target, direction, mode);
  if (problem !== undefined) throw problem;
}

function bound(channel: Channel, methods: readonly StubMethod[], options: OpeningOptions): OpenChannel {
  const { link, remote } = channel;
  if (link.direction !== options.direction) throw wrongDirection(link, options.direction);
  channel.loans.trusted = options.trusted;
  return {
    channel,
    methodIds: bindMethods(methods, remote, link.peer.address),
    oneWay: link.direction === 'send',
    used: false,
  };
}

function beginning(target: Target, methods: readonly StubMethod[], options: OpeningOptions, link: Link): BeginOptions {
  const { maxMessageBytes } = link;
  const { maxMetadataBytes, streamWindowBytes, streamWindowMessages, offering } = options;
  const limits = { maxMessageBytes, maxMetadataBytes, streamWindowBytes, streamWindowMessages };
  const hears = options.mode === 'sync' ? 'calling' : 'always';
  const local: Hello = { ...limits, methods: offering?.methods ?? [], thread: threadIdentity(), hears };
  const { capabilities } = target.transport;
  const checksum = options.checksum ?? capabilities.damages;
  const notifications = notifies(capabilities) ? notificationsOf(methods) : undefined;
  return { local, checksum, capabilities, notifications, doing: `connecting to ${target.address.url}` };
}

function transportOptions(target: Target, direction: ClientDirection): TransportOptions {
  const { transportOptions } = target;
  return (transportOptions.direction ?? 'duplex') === direction ? transportOptions : { ...transportOptions, direction };
}

function wrongDirection(link: Link, asked: ClientDirection): RpcError {
  const words = `the link to ${link.peer.address} was opened with direction ${link.direction}, though ${asked} was asked for`;
  return new RpcError('INTERNAL', words, { failed: 'channel' });
}
