import { spawnSync } from 'node:child_process';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';

export interface TcpPair extends Disposable {
  readonly listener: Fd;
  readonly client: Fd;
  readonly server: Fd;
}

/** A connected pair in this process, at a port that the system has chosen. */
export function tcpPair(host = '127.0.0.1'): TcpPair {
  const addon = loadAddon();
  const listener = addon.listenTcp(host, 0, 4);
  const client = addon.connectTcp(host, addon.inetAddress(listener, false).port);
  addon.poll([client], [2], 5000);
  addon.finishConnect(client);
  addon.poll([listener], [1], 5000);
  const server = addon.acceptTcp(listener)!;
  return {
    listener,
    client,
    server,
    [Symbol.dispose]: () => {
      for (const fd of [listener, client, server]) fd.close();
    },
  };
}

const program = `
import json, socket, sys
s = socket.socket(fileno=3)
names = {'noDelay': (6, 1), 'keepAlive': (1, 9), 'idleS': (6, 4), 'intervalS': (6, 5), 'count': (6, 6), 'reuse': (1, 2),
         'sends': (1, 7), 'receives': (1, 8)}
print(json.dumps({name: s.getsockopt(*at) for name, at in names.items()}))
s.detach()
`;

export interface SocketOptions {
  readonly noDelay: number;
  readonly keepAlive: number;
  readonly idleS: number;
  readonly intervalS: number;
  readonly count: number;
  readonly reuse: number;
  readonly sends: number;
  readonly receives: number;
}

/** What getsockopt(2) says, asked by another program to which the socket is lent. */
export function socketOptions(fd: number): SocketOptions {
  const { stdout, stderr } = spawnSync('python3', ['-c', program], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as SocketOptions;
}
