export * from './acceptor.js';
export * from './address.js';
export * from './contract.js';
export * from './directions.js';
export {
  abortedHere,
  checkHandles,
  closedHere,
  describePeer,
  misuse,
  selfDeadlock,
  tooLarge,
} from './ends.js';
export { handleOf, NO_HANDLES } from './handle.js';
export * from './inproc/index.js';
export { joinLinks } from './joined-link.js';
export * from './notification.js';
export * from './options.js';
export * from './ring/index.js';
export * from './socket-connect.js';
export * from './socket-file.js';
export * from './socket-path.js';
export * from './stream/index.js';
export * from './turn.js';
export { Waiter } from './waiter.js';
