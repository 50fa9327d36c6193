import { testTransport } from '@callgate/core/conformance';
import type { Capabilities } from '@callgate/core/transport';
import { afterAll, describe, it } from 'vitest';

const capabilities: Capabilities = {
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: 1_073_741_816,
  handlesPerMessage: 64,
  blocking: true,
  loans: true,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: false,
};

for (const strategy of ['adaptive', 'park', 'spin']) {
  testTransport({
    runner: { describe, it, afterAll },
    name: `shm: (${strategy})`,
    transport: { url: new URL('../index.js', import.meta.url), name: 'shmTransport' },
    address: (scratch, n) => `shm:${scratch}/${n}.sock`,
    expected: { capabilities, reach: { worker: true, process: true } },
    // Small, so that the ends of rings are reached often.
    options: { maxMessageBytes: 65_536, strategy },
  });
}
