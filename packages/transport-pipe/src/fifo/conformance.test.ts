import { testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

testTransport({
  runner: { describe, it, afterAll },
  name: 'fifo:',
  transport: { url: new URL('../index.js', import.meta.url), name: 'fifoTransport' },
  address: (scratch, n) => `fifo:${scratch}/${n}.fifo`,
  expected: {
    capabilities: {
      directions: ['duplex', 'send'],
      delivery: 'exact',
      maxMessageBytes: 1_073_741_824,
      handlesPerMessage: 0,
      blocking: true,
      loans: false,
      peerDeath: true,
      credentials: false,
      damages: false,
      addressing: 'direct',
      greeting: 'exchanged',
      confirms: true,
    },
    reach: { worker: true, process: true },
  },
  // All but `directions`: links that only send share one fifo, whose receiver does not hear when one of them leaves. What
  // holds for them is in one-way.test.ts.
  themes: [
    'manifest',
    'messages',
    'backpressure',
    'waiting',
    'ending',
    'listening',
    'blocking',
    'death',
    'peers',
    'threads',
    'leaks',
  ],
  // Small, so that the ends of buffers are reached often.
  options: { maxMessageBytes: 65_536 },
});
