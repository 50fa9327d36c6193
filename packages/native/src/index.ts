export * from './addon.js';
export { type AddonResult, loadAddon, tryLoadAddon } from './load.js';
export { listenAtPath, type PathListener } from './listen-at-path.js';
