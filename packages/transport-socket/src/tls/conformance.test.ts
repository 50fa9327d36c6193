import { testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';
import { certificates } from './testing/certificates.js';

// Below the ports that the system gives out by itself, and apart from those of tcp: and of another run at the same time.
let port = 4000 + (process.pid % 40) * 120;

testTransport({
  runner: { describe, it, afterAll },
  name: 'tls:',
  transport: { url: new URL('../index.js', import.meta.url), name: 'tlsTransport' },
  address: () => `tls:127.0.0.1:${port++}`,
  expected: {
    capabilities: {
      directions: ['duplex'],
      delivery: 'exact',
      maxMessageBytes: 1_073_741_824,
      handlesPerMessage: 0,
      blocking: false,
      loans: false,
      peerDeath: true,
      credentials: false,
      damages: false,
      addressing: 'direct',
      greeting: 'exchanged',
      confirms: false,
    },
    reach: { worker: true, process: true },
  },
  // Small, so that the ends of buffers are reached often. Both sides show a certificate.
  options: { maxMessageBytes: 65_536, ...certificates('server'), requestCert: true },
  // Linux asks after 200 ms whether a TCP peer's system has more room.
  settlingMs: 250,
});
