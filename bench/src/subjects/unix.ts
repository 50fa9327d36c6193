import { join } from 'node:path';
import { callgateSubject } from './callgate.js';

export const unix = callgateSubject(
  'unix',
  'Callgate over a Unix socket',
  'process',
  (dir) => `unix:${join(dir, 'bench.sock')}`,
);
