export * from './addon.js';
export { type AddonResult, loadAddon, tryLoadAddon } from './load.js';
