import type { Capabilities, Link, TransportOptions } from '../../transport/contract.js';
import { resolveLossyOptions } from '../../transport/lossy-options.js';
import { CalleeLink } from './callee-link.js';
import { CallerLink } from './caller-link.js';

export { type CalleeFaults, CalleeLink } from './callee-link.js';
export { CallerLink } from './caller-link.js';

/** The link on which to call over `link`: itself, unless it may lose messages. */
export function callingLink(
  link: Link,
  { delivery }: Capabilities,
  options: TransportOptions,
  blocking: boolean,
): Link {
  return delivery === 'lossy' ? new CallerLink(link, resolveLossyOptions(options), blocking) : link;
}

/** The link on which to serve over `link`: itself, unless it may lose messages. */
export function servingLink(link: Link, { delivery }: Capabilities, options: TransportOptions): Link {
  return delivery === 'lossy' ? new CalleeLink(link, resolveLossyOptions(options)) : link;
}
