export { type ByteStream, FAILED, type HandleCourier, HUNG_UP, READABLE, WRITABLE } from './contract.js';
export { type AdmissionOptions, createGatekeeper, type Gatekeeper } from './gatekeeper.js';
export { openStreamLink, openStreamLinkSync, refuseStream } from './greeting.js';
export { LARGEST_MESSAGE, MOST_HANDLES } from './layout.js';
export { createOneWayLink } from './one-way.js';
export type { StreamLinkOptions } from './options.js';
