import { createRequire } from 'node:module';
import { packagedTransport, type TransportPlugin } from '@callgate/core/kernel';
import { inprocTransport } from '@callgate/core/transport';

const require = createRequire(import.meta.url);

/** The package that brings each scheme, and what it exports the transport as. Loaded when its scheme is first used. */
const packages: readonly (readonly [scheme: string, name: string, exported: string])[] = [
  ['shm', '@callgate/transport-shm', 'shmTransport'],
  ['shm+posix', '@callgate/transport-shm', 'posixShmTransport'],
  ['shm+sysv', '@callgate/transport-shm', 'sysvShmTransport'],
  ['shm+simple', '@callgate/transport-shm', 'simpleShmTransport'],
  ['unix', '@callgate/transport-socket', 'unixTransport'],
  ['tcp', '@callgate/transport-socket', 'tcpTransport'],
  ['tls', '@callgate/transport-socket', 'tlsTransport'],
  ['udp', '@callgate/transport-socket', 'udpTransport'],
  ['mq', '@callgate/transport-mq', 'mqTransport'],
  ['pipe', '@callgate/transport-pipe', 'pipeTransport'],
  ['fifo', '@callgate/transport-pipe', 'fifoTransport'],
  ['signal', '@callgate/transport-signal', 'signalTransport'],
];

/** Every transport that Callgate knows by itself. */
export const standardTransports: readonly TransportPlugin[] = [
  inprocTransport,
  ...packages.map(([scheme, name, exported]) =>
    packagedTransport({ scheme, package: name, export: exported, require }),
  ),
];
