import type { ProgramSubject } from '../subject.js';

/** Two processes of native/bare.c that spin on shared memory: the least that a call over shared memory can cost. */
export const bareShm: ProgramSubject = {
  name: 'bare-shm',
  kind: 'bare',
  about: 'C: two processes spin on shared memory',
  mechanism: 'shm',
};
