import type { Link } from '../contract.js';
import type { ByteStream } from './contract.js';
import type { StreamLinkOptions } from './options.js';
import { StreamLink } from './stream-link.js';

/**
 * Makes a link that goes one way of a stream, which it owns from now on, without a greeting. What is written are whole
 * messages only, each behind its length (u32, little-endian), and, in place of one, an end marker that begins with
 * 0xFFFFFFFF and ends the write; what is read must be the same. See layout.ts.
 */
export function createOneWayLink(stream: ByteStream, options: StreamLinkOptions, direction: 'send' | 'receive'): Link {
  return new StreamLink(stream, { ...options, direction });
}
