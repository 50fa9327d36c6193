import { Code, Reason, RpcError } from '@callgate/core';

/** Options as they come, from code or from a configuration. */
export type Options = Readonly<Record<string, unknown>>;

/** Throws INVALID_ARGUMENT (BAD_OPTION) for an option that the interceptor does not know. */
export function checkNames(interceptor: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw badOption(interceptor, '', 'an object of options', options);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const words = `${interceptor}: ${unknown}: unknown option; known are ${known.join(', ')}`;
    throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
  }
}

export function numberOf(interceptor: string, name: string, value: unknown, least: number, whole = false): number {
  if (typeof value === 'number' && value >= least && (!whole || Number.isInteger(value) || value === Infinity))
    return value;
  throw badOption(interceptor, name, `a ${whole ? 'whole ' : ''}number of at least ${least}`, value);
}

/** Names of status codes. */
export function codesOf(interceptor: string, name: string, value: unknown): ReadonlySet<string> {
  const known = (code: unknown): boolean => typeof code === 'string' && code !== 'OK' && Object.hasOwn(Code, code);
  if (Array.isArray(value) && value.every(known)) return new Set(value as string[]);
  throw badOption(interceptor, name, 'a list of status codes such as UNAVAILABLE', value);
}

export function badOption(interceptor: string, name: string, expected: string, found: unknown): RpcError {
  const shown = typeof found === 'object' ? JSON.stringify(found) : String(found);
  const at = name === '' ? '' : `${name}: `;
  return new RpcError('INVALID_ARGUMENT', `${interceptor}: ${at}expected ${expected}, found ${shown}`, {
    reason: Reason.BAD_OPTION,
  });
}
