import { testTransport } from '@callgate/core/conformance';
import type { Capabilities } from '@callgate/core/transport';
import { afterAll, describe, it } from 'vitest';

const capabilities: Capabilities = {
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: 500,
  handlesPerMessage: 0,
  blocking: true,
  loans: true,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'none',
  confirms: false,
};

testTransport({
  runner: { describe, it, afterAll },
  name: 'shm+simple:',
  transport: { url: new URL('../index.js', import.meta.url), name: 'simpleShmTransport' },
  address: (scratch, n) => `shm+simple:${scratch}/${n}.sock`,
  expected: { capabilities, reach: { worker: true, process: true }, holds: 1 },
});
