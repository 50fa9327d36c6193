import type { Subject } from '../subject.js';
import { callgateSubject } from './callgate.js';

export const inproc: readonly Subject[] = [
  callgateSubject({
    name: 'inproc',
    about: 'Callgate between threads of one process',
    home: 'thread',
    url: () => 'inproc:bench',
  }),
];
