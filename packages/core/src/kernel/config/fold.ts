import type { Timeout } from '../../channel/timeout.js';
import type { Balance, RetryPolicy } from '../../client/index.js';
import type { Address } from '../../transport/contract.js';
import { commonOptionChecks } from '../../transport/options.js';
import { parseUrl } from '../address.js';
import type { Origin } from './problem.js';
import { isMap, phaseNames, readPolicy, readSwitch, switchNames } from './schema.js';
import type { InterceptorSetting, Layer, ServiceSettings } from './settings.js';

/** What all layers together say of one service. */
export interface Folded {
  /** One of the URLs, and how many there are. */
  readonly address?: Address;
  readonly urls: readonly string[];
  readonly balance?: Balance;
  readonly retry?: RetryPolicy | false;
  readonly direction?: NonNullable<ServiceSettings['direction']>;
  readonly timeout?: Timeout;
  readonly urgent?: boolean;
  readonly waitForReady?: boolean;
  readonly trusted?: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  readonly codec?: string;
  readonly interceptors?: readonly InterceptorSetting[];
  /** Where a setting of the result comes from: `['url']`, `['transport', 'ringBytes']`. */
  whereIs(setting: readonly string[]): Where;
}

export interface Where {
  readonly path: readonly string[];
  readonly origin: Origin;
}

type Options = Record<string, unknown>;

/**
 * Lays settings over each other, the last on top. Options are about the transport beside whose URL they stand: when a
 * layer moves to another scheme, those below it stay behind, except the ones that every transport understands (so that
 * nobody who swaps a transport loses an `allow` rule). Where there are several URLs, `which` is the one that is meant.
 * Throws RpcError INVALID_ARGUMENT (BAD_ADDRESS).
 */
export function fold(layers: readonly Layer[], which = 0): Folded {
  let address: Address | undefined;
  let direction: ServiceSettings['direction'];
  let timeout: Timeout | undefined;
  const switches: { [name in (typeof switchNames)[number]]?: boolean } = {};
  let urls: readonly string[] = [];
  let balance: Balance | undefined;
  let retry: RetryPolicy | false | undefined;
  let codec: string | undefined;
  let interceptors: readonly InterceptorSetting[] | undefined;
  let options: Options = {};
  const places = new Map<string, { layer: Layer; below: readonly string[] }>();

  for (const layer of layers) {
    const { settings } = layer;
    if (settings.timeout !== undefined) {
      timeout = overlayTimeout(timeout, settings.timeout);
      places.set('timeout', { layer, below: ['timeout'] });
    }
    for (const name of switchNames) {
      const on = readSwitch(settings[name]);
      if (on === undefined) continue;
      switches[name] = on;
      places.set(name, { layer, below: [name] });
    }
    if (settings.direction !== undefined) {
      direction = settings.direction;
      places.set('direction', { layer, below: ['direction'] });
    }
    if (settings.codec !== undefined) {
      codec = settings.codec;
      places.set('codec', { layer, below: ['codec'] });
    }
    if (settings.interceptors !== undefined) {
      interceptors = settings.interceptors;
      places.set('interceptors', { layer, below: ['interceptors'] });
    }
    if (settings.balance !== undefined) {
      balance = settings.balance;
      places.set('balance', { layer, below: ['balance'] });
    }
    if (settings.retry !== undefined) {
      retry = settings.retry;
      places.set('retry', { layer, below: ['retry'] });
    }
    if (settings.url !== undefined) urls = [settings.url].flat();
    const meant = settings.url === undefined ? undefined : (urls[which] ?? urls[0]);
    const url = meant === undefined ? undefined : parseUrl(meant);
    if (url !== undefined) {
      if (address !== undefined && address.scheme !== url.address.scheme) options = onlyCommon(options);
      address = url.address;
      places.set('url', { layer, below: ['url'] });
    }
    for (const [name, value] of Object.entries(settings.transport ?? {})) {
      if (value === undefined) continue;
      options[name] = layer.overlays ? overlay(options[name], value) : value;
      places.set(`transport.${name}`, { layer, below: ['transport', name] });
    }
    for (const [name, value] of Object.entries(url?.options ?? {})) {
      options[name] = value;
      places.set(`transport.${name}`, { layer, below: ['url'] });
    }
  }

  return {
    ...(address && { address }),
    ...(direction !== undefined && { direction }),
    ...(timeout !== undefined && { timeout }),
    ...switches,
    urls,
    ...(balance !== undefined && { balance }),
    ...(retry !== undefined && { retry }),
    ...(codec !== undefined && { codec }),
    ...(interceptors !== undefined && { interceptors }),
    options,
    whereIs(setting) {
      const place = places.get(setting.join('.'));
      if (place === undefined) return { path: setting, origin: {} };
      const path = [...place.layer.path, ...place.below];
      return { path, origin: place.layer.originOf(path) };
    },
  };
}

/** The same for each of the URLs; for none, once. */
export function foldEach(layers: readonly Layer[]): readonly Folded[] {
  const first = fold(layers);
  return [first, ...first.urls.slice(1).map((_, i) => fold(layers, i + 1))];
}

function onlyCommon(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(commonOptionChecks, name)));
}

/** A map laid over a map keeps the keys that it does not have; anything else replaces. */
function overlay(below: unknown, above: unknown): unknown {
  if (!isMap(below) || !isMap(above)) return above;
  const merged: Options = { ...below };
  for (const [key, value] of Object.entries(above)) merged[key] = overlay(below[key], value);
  return merged;
}

/** One phase replaces that phase; a single policy replaces both. */
function overlayTimeout(below: Timeout | undefined, above: NonNullable<ServiceSettings['timeout']>): Timeout {
  if (typeof above !== 'object') return readPolicy(above) ?? 'never';
  const merged: { [phase in (typeof phaseNames)[number]]?: Exclude<Timeout, object> } = {};
  for (const phase of phaseNames) {
    const policy = above[phase] ?? (typeof below === 'object' ? below[phase] : below);
    const read = policy === undefined ? undefined : readPolicy(policy);
    if (read !== undefined) merged[phase] = read;
  }
  return merged;
}
