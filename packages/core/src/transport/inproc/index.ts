export { inprocTransport } from './transport.js';
