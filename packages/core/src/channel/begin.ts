import type { Capabilities, Link } from '../transport/contract.js';
import { Channel } from './channel.js';
import { type GreetOptions, greet } from './greet.js';
import type { Waits } from './waits.js';

export interface BeginOptions extends GreetOptions {
  /** Of the transport that made the link. */
  readonly capabilities: Capabilities;
}

/**
 * Makes a channel of a fresh link: with an exchange of greetings where the link goes both ways and its transport has
 * one, otherwise at once. Throws RpcError; the link is then no good and must be aborted by who drives this.
 */
export function* begin(link: Link, options: BeginOptions): Waits<Channel> {
  const { capabilities, checksum } = options;
  if (greets(link, capabilities)) return yield* greet(link, options);
  // Where anybody can write, or anything can be lost, a message that makes no sense is no reason to end the others' channel.
  const { addressing = capabilities.addressing } = link.peer;
  const shared = addressing === 'mailbox' || capabilities.delivery !== 'exact';
  return new Channel({ link, checksum, shared });
}

/** Whether both sides introduce themselves before the first call; otherwise methods go by the ids of `methodIdOf`. */
export function greets(link: Link, capabilities: Capabilities): boolean {
  return link.direction === 'duplex' && capabilities.greeting === 'exchanged';
}
