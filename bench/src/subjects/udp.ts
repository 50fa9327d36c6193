import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const udp: readonly Subject[] = [
  bareSubject('udp', 'block on connected UDP sockets'),
  callgateSubject({
    name: 'udp',
    about: 'Callgate over UDP',
    url: () => 'udp:127.0.0.1:0',
    chosen: true,
    bare: 'bare-udp',
  }),
];
