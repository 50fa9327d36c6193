import { join } from 'node:path';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const shmSimple: readonly Subject[] = [
  bareSubject('shm-simple', 'poll two slots of 500 bytes'),
  callgateSubject({
    name: 'shm-simple',
    about: 'Callgate over two slots of 500 bytes',
    url: (dir) => `shm+simple:${join(dir, 'bench.sock')}`,
    bare: 'bare-shm-simple',
  }),
];
