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
