import { RpcError } from '../errors/index.js';
import type { Handle } from '../transport/contract.js';
import { checkAreHandles, NO_HANDLES, ownDescriptor } from '../transport/handle.js';

/** Handles that nobody else can close any more. All or none: INVALID_ARGUMENT when one is closed or given twice. */
export function takeOver(handles: readonly Handle[]): readonly Handle[] {
  if (handles.length === 0) return NO_HANDLES;
  checkAreHandles(handles);
  if (new Set(handles).size !== handles.length || handles.some(({ value }) => value < 0)) {
    throw new RpcError('INVALID_ARGUMENT', 'a handle is closed, was given away before, or is given twice');
  }
  return handles.map((handle) => ownDescriptor(handle.detach()));
}

export { closeAll, NO_HANDLES } from '../transport/handle.js';
