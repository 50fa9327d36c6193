export { type ByteStream, FAILED, HUNG_UP, READABLE, WRITABLE } from './contract.js';
export { openStreamLink, openStreamLinkSync, refuseStream } from './greeting.js';
export { LARGEST_MESSAGE } from './layout.js';
export type { StreamLinkOptions } from './options.js';
