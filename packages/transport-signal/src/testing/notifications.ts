import type { Link, Notification } from '@callgate/core/transport';

/** What the tests listen for. */
export const BELL: readonly Notification[] = [
  { path: 'house.Bell/Ring', value: undefined },
  { path: 'house.Bell/Visit', value: 'uint32' },
];
export const RING = 0;
export const VISIT = 1;

/** False when the link is full. */
export function trySend(link: Link, place: number, value = 0): boolean {
  const span = link.claim(8);
  if (span === null) return false;
  span.view.setUint32(span.start, place, true);
  span.view.setUint32(span.start + 4, value, true);
  link.commit(8);
  return true;
}
