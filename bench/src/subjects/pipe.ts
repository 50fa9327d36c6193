import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const pipe: readonly Subject[] = [
  bareSubject('pipe', 'block on a pipe each way'),
  callgateSubject({
    name: 'pipe',
    about: 'Callgate over pipes to a child',
    home: 'piped',
    url: () => 'pipe:inherited',
    bare: 'bare-pipe',
  }),
];
