import { parseAddress } from '../transport/address.js';
import type { Transport } from '../transport/contract.js';
import { isInherited } from '../transport/inherited.js';

/** What `transport` calls the place that a URL leads to: the same text for all that lead there, as far as they tell. */
export function meetingPlaceOf(transport: Transport, url: string): string {
  const query = url.indexOf('?');
  // Options of the transport are no part of where something is.
  const plain = query === -1 ? url : url.slice(0, query);
  try {
    return transport.meetingPlace?.(parseAddress(plain)) ?? plain;
  } catch {
    // Who connects there will be told what is wrong with it.
    return plain;
  }
}

/** Whether other processes take the calls of those who come there, too: one that blocks keeps nobody waiting. */
export function isShared(transport: Transport, url: string): boolean {
  return transport.capabilities.addressing === 'mailbox' || isInherited(url);
}
