// The other process at a socket, which receives descriptors. Every role first connects and says so.
import { closeSync, openSync } from 'node:fs';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';
import { ringBell } from './bells.js';
import { thrownBy } from './sockets.js';

const addon = loadAddon();
const [role, path] = process.argv.slice(2) as [string, string];
const socket = addon.connectUnix(path, 1000);
console.log('connected');

function receive(): Fd[] {
  const fds: Fd[] = [];
  addon.poll([socket], [1], Number.POSITIVE_INFINITY);
  addon.receiveWithFds(socket, new Uint8Array(8), 0, 8, fds, 8);
  return fds;
}

const roles: Readonly<Record<string, () => void>> = {
  memory() {
    const mapping = addon.mapMemfd(receive()[0]!, 4096);
    Atomics.add(new Int32Array(mapping.buffer), 0, 22);
    console.log('added');
  },
  bell() {
    const [bell, back] = receive() as [Fd, Fd];
    console.log('waiting');
    const events = addon.poll([bell], [1], Number.POSITIVE_INFINITY);
    ringBell(back);
    console.log(`woken by ${events}`);
  },
  crowded() {
    const crowd: number[] = [];
    try {
      for (;;) crowd.push(openSync('/dev/null', 'r'));
    } catch {
      closeSync(crowd.pop()!);
    }
    const error = thrownBy(receive);
    for (const number of crowd) closeSync(number);
    console.log(error.message);
  },
};

roles[role]!();
