import { testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

testTransport({
  runner: { describe, it, afterAll },
  name: 'fifo:',
  transport: { url: new URL('../index.js', import.meta.url), name: 'fifoTransport' },
  address: (scratch, n) => `fifo:${scratch}/${n}.fifo`,
  expected: {
    capabilities: {
      directions: ['duplex'],
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
      confirms: false,
    },
    reach: { worker: true, process: true },
  },
  // Small, so that the ends of buffers are reached often.
  options: { maxMessageBytes: 65_536 },
});
