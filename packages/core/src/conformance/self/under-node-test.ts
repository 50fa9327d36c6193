/** The suite under node:test, started by the suite's own tests. */
import { after, describe, it } from 'node:test';
import { testTransport } from '../suite.js';

testTransport({
  runner: { describe, it, afterAll: after },
  name: 'memory',
  transport: { url: new URL('./transports.js', import.meta.url), name: 'memory' },
  address: (_, n) => `memory:${n}`,
  expected: {
    capabilities: {
      directions: ['duplex'],
      delivery: 'exact',
      maxMessageBytes: 1_048_576,
      handlesPerMessage: 0,
      blocking: false,
      loans: false,
      peerDeath: false,
      credentials: false,
      damages: false,
      addressing: 'direct',
      greeting: 'exchanged',
      confirms: false,
    },
    reach: { worker: false, process: false },
  },
  options: { maxMessageBytes: 50_000 },
  themes: ['manifest', 'messages', 'ending'],
});
