import { callgateSubject } from './callgate.js';

export const inproc = callgateSubject(
  'inproc',
  'Callgate between threads of one process',
  'thread',
  () => 'inproc:bench',
);
