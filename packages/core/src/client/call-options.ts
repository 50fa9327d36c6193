import { badOption, booleanOf, unknownOption } from '../channel/index.js';
import type { CallOptions } from './options.js';

/**
 * Throws INVALID_ARGUMENT (BAD_OPTION) for what can't be the options of a call. Without this a misspelt `timeout` would
 * wait for ever. Costs some ten nanoseconds an option, and only calls that have any. Policies (timeout, retry) and
 * metadata are checked where they are read.
 */
export function checkCallOptions(options: CallOptions): void {
  if (typeof options !== 'object' || options === null) throw badOption('options of a call', 'an object', options);
  for (const name in options) checkOption(name, options[name as keyof CallOptions]);
}

function checkOption(name: string, value: unknown): void {
  switch (name) {
    case 'timeout':
    case 'metadata':
    case 'retry':
      return;
    case 'signal':
      if (value !== undefined && !isSignal(value)) throw badOption(name, 'an AbortSignal', value);
      return;
    case 'parent':
      if (value !== undefined && value !== null && !isParent(value))
        throw badOption(name, 'the context of a handler, or null', value);
      return;
    case 'waitForReady':
    case 'urgent':
      if (value !== undefined) booleanOf(name, value);
      return;
    case 'handles':
    case 'handlesInto':
      if (value !== undefined && !Array.isArray(value)) throw badOption(name, 'an array of handles', value);
      return;
    case 'onHeaders':
    case 'onTrailers':
      if (value !== undefined && typeof value !== 'function') throw badOption(name, 'a function', value);
      return;
    default:
      throw unknownOption('call', name, KNOWN);
  }
}

function isSignal(value: unknown): boolean {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}

function isParent(value: unknown): boolean {
  const { deadline, signal } = value as NonNullable<CallOptions['parent']>;
  return typeof deadline === 'number' && isSignal(signal);
}

const KNOWN =
  'timeout, metadata, signal, waitForReady, retry, parent, urgent, handles, handlesInto, onHeaders, onTrailers';
