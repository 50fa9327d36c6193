export type { TcpOptions } from './tcp/options.js';
export { createTcpTransport, tcpTransport } from './tcp/transport.js';
export type { TlsOptions } from './tls/options.js';
export { tlsTransport } from './tls/transport.js';
export type { UdpOptions } from './udp/options.js';
export { createUdpTransport, udpTransport } from './udp/transport.js';
export type { UnixOptions } from './unix/options.js';
export { createUnixTransport, unixTransport } from './unix/transport.js';
