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
