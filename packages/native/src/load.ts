import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Fd, NativeAddon } from './addon.js';

/** What the module itself exports: as declared, but for `poll`, which is flat (native/poll.cc says why). */
interface RawAddon extends Omit<NativeAddon, 'poll'> {
  poll(packedEvents: number, timeoutMs: number, ...fds: readonly Fd[]): number;
}

export type AddonResult =
  | { readonly addon: NativeAddon; readonly error?: undefined }
  | { readonly addon?: undefined; readonly error: Error };

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Once per thread: each worker evaluates this module anew, and the addon keeps its state per thread. */
let loaded: AddonResult | undefined;

/**
 * Loads the addon once per thread. The error says where it looked, what went wrong and what to do. The environment
 * variable CALLGATE_NATIVE=off makes the addon count as missing.
 */
export function tryLoadAddon(): AddonResult {
  loaded ??= load();
  return loaded;
}

/** As tryLoadAddon, but throws the error. */
export function loadAddon(): NativeAddon {
  const result = tryLoadAddon();
  if (result.addon === undefined) throw result.error;
  return result.addon;
}

function load(): AddonResult {
  const { CALLGATE_NATIVE: wanted = 'on' } = process.env;
  if (wanted === 'off') {
    return failed('it is switched off by the environment variable CALLGATE_NATIVE=off. Unset it to use the addon.');
  }
  if (wanted !== 'on') return failed(`the environment variable CALLGATE_NATIVE is "${wanted}": expected on or off.`);
  if (process.platform !== 'linux') {
    return failed(`it works on Linux only, and this is ${process.platform}. Choose a transport that does not need it.`);
  }
  const candidates = [
    join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'callgate.node'),
    join(root, 'build', 'Release', 'callgate.node'),
  ];
  const problems: string[] = [];
  let cause: unknown;
  for (const file of candidates) {
    if (!existsSync(file)) {
      problems.push(`${file}: no such file`);
      continue;
    }
    try {
      return { addon: adapt(createRequire(import.meta.url)(file) as RawAddon) };
    } catch (error) {
      cause ??= error;
      problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed(
    [
      'looked for:',
      ...problems.map((problem) => `  ${problem}`),
      `Build it with a C++ compiler, make and python3: node ${join(root, 'scripts', 'build.mjs')}`,
    ].join('\n'),
    cause,
  );
}

function failed(why: string, cause?: unknown): AddonResult {
  const message = `The native addon of @callgate/native could not be loaded: ${why}`;
  return { error: new Error(message, cause === undefined ? undefined : { cause }) };
}

function adapt(raw: RawAddon): NativeAddon {
  return { ...raw, poll: (fds, events, timeoutMs) => poll(raw, fds, events, timeoutMs) };
}

/** Unpacks the arrays: about ten times cheaper here than through Node-API, and without an allocation. */
function poll(raw: RawAddon, fds: readonly Fd[], events: readonly number[], timeoutMs: number): number {
  const count = fds.length;
  if (count < 1 || count > 4 || events.length !== count) {
    throw new RangeError(`poll: expected 1 to 4 descriptors and as many events, found ${count} and ${events.length}`);
  }
  let packed = 0;
  for (let i = 0; i < count; i += 1) {
    const wanted = events[i]!;
    if (!(wanted >= 0 && wanted <= 7 && Number.isInteger(wanted))) {
      throw new RangeError(`poll: events must be integers from 0 to 7, found ${wanted}`);
    }
    packed |= wanted << (4 * i);
  }
  if (count === 1) return raw.poll(packed, timeoutMs, fds[0]!);
  if (count === 2) return raw.poll(packed, timeoutMs, fds[0]!, fds[1]!);
  if (count === 3) return raw.poll(packed, timeoutMs, fds[0]!, fds[1]!, fds[2]!);
  return raw.poll(packed, timeoutMs, fds[0]!, fds[1]!, fds[2]!, fds[3]!);
}
