import type { NativeAddon } from './addon.js';

/** Loads the addon once per thread. Throws an Error that says where it looked, what went wrong and what to do. */
export function loadAddon(): NativeAddon {
  throw new Error('not built');
}
