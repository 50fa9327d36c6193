import { join } from 'node:path';
import { sizeScenarios } from '../scenario.js';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

const url = (dir: string) => `shm:${join(dir, 'bench.sock')}`;

export const shm: readonly Subject[] = [
  bareSubject('shm', 'spin on shared memory'),
  callgateSubject({
    name: 'shm',
    about: 'Callgate over shared memory',
    url,
    streams: true,
    bulk: true,
    lends: true,
    crowds: true,
  }),
  {
    ...bareSubject('memcpy', ''),
    about: 'C: as much copied there and back by one process',
    scenarios: ['bulk-1m', ...sizeScenarios.filter((name) => name !== 'size-0b')],
  },
  callgateSubject({
    name: 'shm-spin',
    about: 'Callgate over shared memory, strategy: spin',
    url,
    transport: { strategy: 'spin' },
    aside: true,
  }),
];
