import { badAddress, parseAddress } from '../transport/address.js';
import type { Address } from '../transport/contract.js';

/** A URL taken apart: where, and the transport options that its query states. */
export interface ParsedUrl {
  readonly address: Address;
  /** Query parameters, JSON values where they are JSON (`?ringBytes=65536`), text otherwise. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Throws RpcError INVALID_ARGUMENT (BAD_ADDRESS). */
export function parseUrl(url: string): ParsedUrl {
  const mark = url.indexOf('?');
  if (mark < 0) return { address: parseAddress(url), options: {} };
  return { address: parseAddress(url.slice(0, mark)), options: parseQuery(url, url.slice(mark + 1)) };
}

function parseQuery(url: string, query: string): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (equals <= 0) throw badAddress(url, `"${part}" is not option=value`);
    const name = part.slice(0, equals);
    if (isForbiddenKey(name)) throw badAddress(url, `"${name}" is not a permitted option name`);
    if (Object.hasOwn(options, name)) throw badAddress(url, `the option "${name}" is given twice`);
    options[name] = jsonOrText(decode(url, part.slice(equals + 1)));
  }
  return options;
}

function decode(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badAddress(url, 'a "%" must be followed by two hexadecimal digits (and be written %25 to mean itself)');
  }
}

/** What a person types where only text can be given: JSON when it is JSON, the text itself otherwise. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Names that would reach a prototype instead of a property. */
export function isForbiddenKey(name: string): boolean {
  return name === '__proto__' || name === 'constructor' || name === 'prototype';
}
