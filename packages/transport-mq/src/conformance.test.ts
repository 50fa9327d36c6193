import { type Expected, testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

const capabilities: Expected['capabilities'] = {
  directions: ['duplex', 'send'],
  delivery: 'exact',
  maxMessageBytes: 67_108_864,
  handlesPerMessage: 0,
  blocking: true,
  loans: false,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'mailbox',
  greeting: 'none',
  confirms: true,
};

testTransport({
  runner: { describe, it, afterAll },
  name: 'mq:',
  transport: { url: new URL('./index.js', import.meta.url), name: 'mqTransport' },
  address: (scratch, n) => `mq:${scratch}/${n}.mq`,
  expected: { capabilities, reach: { worker: true, process: true } },
  // A few parts for the largest message; the queue has room for two of the system's largest.
  options: { maxMessageBytes: 20_000 },
  // A sender that found the queue full tries again after so long at most.
  settlingMs: 20,
});

testTransport({
  runner: { describe, it, afterAll },
  name: 'mq: for one-way messages',
  transport: { url: new URL('./index.js', import.meta.url), name: 'mqTransport' },
  address: (scratch, n) => `mq:${scratch}/${n}.mq`,
  expected: { capabilities, reach: { worker: true, process: true } },
  direction: 'send',
  themes: ['messages', 'peers'],
  options: { maxMessageBytes: 20_000 },
  settlingMs: 20,
});
