import { localCertificate } from '../certificate.js';
import type { Subject } from '../subject.js';
import { callgateSubject } from './callgate.js';

/** Its links cannot block, and so there is no such part. */
const { connectSync: _, ...awaited } = callgateSubject({
  name: 'tls',
  about: 'Callgate over TLS',
  url: () => 'tls:127.0.0.1:0',
  chosen: true,
  transport: localCertificate,
});

/** Without a bare counterpart: that would have to be built with a TLS library. */
export const tls: readonly Subject[] = [awaited];
