import { join } from 'node:path';
import { sizeScenarios } from '../scenario.js';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const unix: readonly Subject[] = [
  {
    ...bareSubject('unix', 'block on a Unix stream socket'),
    scenarios: ['unary-sync', ...sizeScenarios.filter((name) => name !== 'size-0b')],
  },
  callgateSubject({
    name: 'unix',
    about: 'Callgate over a Unix socket',
    url: (dir) => `unix:${join(dir, 'bench.sock')}`,
    bare: 'bare-unix',
    streams: true,
    bulk: true,
    crowds: true,
  }),
];
