import { afterAll, describe, it } from 'vitest';
import { testTransport } from '../../conformance/index.js';
import type { Capabilities } from '../contract.js';

const capabilities: Capabilities = {
  directions: ['duplex', 'send', 'receive'],
  delivery: 'exact',
  maxMessageBytes: 1_073_741_816,
  handlesPerMessage: 0,
  blocking: true,
  loans: true,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: true,
};

testTransport({
  runner: { describe, it, afterAll },
  name: 'inproc:',
  transport: { url: new URL('./index.js', import.meta.url), name: 'inprocTransport' },
  address: (_scratch, n) => `inproc:conformance-${process.pid}-${n}`,
  expected: { capabilities, reach: { worker: true, process: false } },
  // Small, so that the ends of rings are reached often.
  options: { maxMessageBytes: 65_536 },
});

// The same over links that go one way.
testTransport({
  runner: { describe, it, afterAll },
  name: 'inproc: (send)',
  transport: { url: new URL('./index.js', import.meta.url), name: 'inprocTransport' },
  address: (_scratch, n) => `inproc:conformance-send-${process.pid}-${n}`,
  expected: { capabilities, reach: { worker: true, process: false } },
  options: { maxMessageBytes: 65_536 },
  direction: 'send',
  // What has to do with meeting, and with who the peer is, is the same for all directions.
  themes: ['messages', 'backpressure', 'ending', 'blocking', 'leaks'],
});
