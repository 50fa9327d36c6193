import { join } from 'node:path';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const mq: readonly Subject[] = [
  bareSubject('mq', 'block on a message queue each way'),
  callgateSubject({
    name: 'mq',
    about: 'Callgate over a message queue, a mailbox',
    url: (dir) => `mq:${join(dir, 'bench.mq')}`,
    bare: 'bare-mq',
  }),
];
