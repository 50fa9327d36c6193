import { join } from 'node:path';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const unix: readonly Subject[] = [
  bareSubject('unix', 'block on a Unix stream socket'),
  callgateSubject({
    name: 'unix',
    about: 'Callgate over a Unix socket',
    url: (dir) => `unix:${join(dir, 'bench.sock')}`,
    bare: 'bare-unix',
    streams: true,
    bulk: true,
  }),
];
