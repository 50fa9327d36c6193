import type { MethodKind } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Capabilities, Link } from '../transport/contract.js';
import type { NotificationLink } from '../transport/notification.js';
import { Channel } from './channel.js';
import { type GreetOptions, greet } from './greet.js';
import { carryNotifications } from './notification-carrier.js';
import type { NotificationMethod } from './notifications.js';
import type { Waits } from './waits.js';

export interface BeginOptions extends GreetOptions {
  /** Of the transport that made the link. */
  readonly capabilities: Capabilities;
  /** What this side calls or serves; needed where links are those of notifications. */
  readonly notifications?: readonly NotificationMethod[] | undefined;
}

/**
 * Makes a channel of a fresh link: with an exchange of greetings where the link goes both ways and its transport has
 * one, otherwise at once. Throws RpcError; the link is then no good and must be aborted by who drives this.
 */
export function* begin(link: Link, options: BeginOptions): Waits<Channel> {
  const { capabilities, checksum } = options;
  if (notifies(capabilities)) {
    const carrier = carryNotifications(link as NotificationLink, options.notifications ?? []);
    return new Channel({ link: carrier, checksum: false, shared: true, maxMetadataBytes: 0 });
  }
  if (greets(link, capabilities)) return yield* greet(link, options);
  // Where anybody can write, or anything can be lost, a message that makes no sense is no reason to end the others' channel.
  const { addressing = capabilities.addressing } = link.peer;
  const shared = addressing === 'mailbox' || capabilities.delivery !== 'exact';
  return new Channel({ link, checksum, shared, maxMetadataBytes: options.local.maxMetadataBytes });
}

/** Whether both sides introduce themselves before the first call; otherwise methods go by the ids of `methodIdOf`. */
export function greets(link: Link, capabilities: Capabilities): boolean {
  return link.direction === 'duplex' && capabilities.greeting === 'exchanged';
}

/** Whether links of such a transport carry notifications, and nothing larger. */
export function notifies(capabilities: Capabilities): boolean {
  return capabilities.delivery === 'coalesced';
}

/**
 * Why a method that streams can be neither called nor served over a transport, or undefined: credit, cancelling and what
 * comes late need greetings, and messages that come once and in order.
 */
export function noStreams(
  { delivery, greeting, directions }: Capabilities,
  path: string,
  kind: MethodKind,
  url: string,
): RpcError | undefined {
  const lacking = !directions.includes('duplex')
    ? `links that go both ways (capability directions: ${directions.join(', ')})`
    : delivery !== 'exact'
      ? `messages that come once and in order (capability delivery: ${delivery})`
      : greeting !== 'exchanged'
        ? `an exchange of greetings (capability greeting: ${greeting})`
        : undefined;
  if (lacking === undefined) return undefined;
  const words = `${path}: it is ${kind}, which needs ${lacking}: the transport of ${url} can't carry streams`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
