import { join } from 'node:path';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const fifo: readonly Subject[] = [
  bareSubject('fifo', 'block on a fifo each way'),
  callgateSubject({
    name: 'fifo',
    about: 'Callgate over named pipes',
    url: (dir) => `fifo:${join(dir, 'bench.fifo')}`,
    bare: 'bare-fifo',
  }),
];
