export * from './addon.js';
export { listenAtPath, type PathListener } from './listen-at-path.js';
export { type AddonResult, loadAddon, tryLoadAddon } from './load.js';
