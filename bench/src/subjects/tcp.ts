import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const tcp: readonly Subject[] = [
  bareSubject('tcp', 'block on a TCP connection'),
  callgateSubject({
    name: 'tcp',
    about: 'Callgate over TCP',
    url: () => 'tcp:127.0.0.1:0',
    chosen: true,
    bare: 'bare-tcp',
    bulk: true,
    crowds: true,
  }),
];
