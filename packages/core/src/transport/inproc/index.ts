export { makeThreadMemory, openThreadLink, type ThreadLinkOptions } from './thread-link.js';
export { inprocTransport } from './transport.js';
