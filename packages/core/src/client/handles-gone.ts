import { handlesIn, hasHandleFields } from '../codec/index.js';
import type { CallInFlight } from './call-in-flight.js';

/** Handles of the request have gone with a link, so that it can't be sent once more. */
export function handlesGone({ handles, request, stub: { method } }: CallInFlight): boolean {
  if (handles?.some(({ value }) => value < 0)) return true;
  if (method.kind !== 'unary' && method.kind !== 'server-streaming') return false;
  return hasHandleFields(method.request.schema) && handlesIn(request).some(({ value }) => value < 0);
}
