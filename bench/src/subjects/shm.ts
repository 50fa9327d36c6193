import { join } from 'node:path';
import { callgateSubject } from './callgate.js';

export const shm = callgateSubject(
  'shm',
  'Callgate over shared memory',
  'process',
  (dir) => `shm:${join(dir, 'bench.sock')}`,
);
