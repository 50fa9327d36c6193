export { RELAY_HEAD_BYTES, RelayFlag, RelayOp, sharedNow } from './head.js';
export { Incoming } from './incoming.js';
export { copyForRelay, type RelayedCopy, tryPass, tryPassBack } from './passing.js';
export { type Aside, MOST_RELAYED_BYTES, Relay } from './relay.js';
export { RelayedLink, type RelayedLinkParts } from './relayed-link.js';
