import { type Expected, testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

const runner = { describe, it, afterAll };
const address = (scratch: string, n: number): string => `unix:${scratch}/${n}.sock`;
// Small, so that the ends of buffers are reached often.
const options = { maxMessageBytes: 65_536 };

const capabilities: Expected['capabilities'] = {
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: 1_073_741_824,
  handlesPerMessage: 64,
  blocking: true,
  loans: false,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: false,
};
const reach = { worker: true, process: true };

testTransport({
  runner,
  name: 'unix:',
  transport: { url: new URL('../index.js', import.meta.url), name: 'unixTransport' },
  address,
  expected: { capabilities, reach },
  options,
});

testTransport({
  runner,
  name: 'unix: without the native addon',
  transport: { url: new URL('./testing/without-addon.js', import.meta.url), name: 'transport' },
  address,
  expected: { capabilities: { ...capabilities, handlesPerMessage: 0, blocking: false, credentials: false }, reach },
  options,
});
