import { basename } from 'node:path';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

/** The cell's own directory has a name that nothing else has. */
const at = (scheme: string) => (dir: string) => `${scheme}:bench-${basename(dir)}`;

export const shmNamed: readonly Subject[] = [
  bareSubject('shm-posix', 'block on POSIX semaphores in shared memory'),
  callgateSubject({
    name: 'shm-posix',
    about: 'Callgate over POSIX shared memory',
    url: at('shm+posix'),
  }),
  callgateSubject({
    name: 'shm-posix-park',
    about: 'Callgate over POSIX shared memory, strategy: park',
    url: at('shm+posix'),
    transport: { strategy: 'park' },
    bare: 'bare-shm-posix',
    aside: true,
  }),
  bareSubject('shm-sysv', 'block on System V semaphores beside shared memory'),
  callgateSubject({ name: 'shm-sysv', about: 'Callgate over System V shared memory', url: at('shm+sysv') }),
  callgateSubject({
    name: 'shm-sysv-park',
    about: 'Callgate over System V shared memory, strategy: park',
    url: at('shm+sysv'),
    transport: { strategy: 'park' },
    bare: 'bare-shm-sysv',
    aside: true,
  }),
];
