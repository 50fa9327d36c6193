import { localCertificate } from '../certificate.js';
import type { Subject } from '../subject.js';
import { bareSubject } from './bare.js';
import { callgateSubject } from './callgate.js';

export const tls: readonly Subject[] = [
  bareSubject('tls', 'block on a TLS connection of OpenSSL'),
  callgateSubject({
    name: 'tls',
    about: 'Callgate over TLS',
    url: () => 'tls:127.0.0.1:0',
    chosen: true,
    transport: localCertificate,
  }),
];
