import { type Expected, testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

const runner = { describe, it, afterAll };
// Below the ports that the system gives out by itself, and apart from those of another run at the same time.
let port = 10_000 + (process.pid % 100) * 220;
const address = (): string => `udp:127.0.0.1:${port++}`;
const options = { maxMessageBytes: 8192 };

const capabilities: Expected['capabilities'] = {
  directions: ['duplex'],
  delivery: 'lossy',
  maxMessageBytes: 65_491,
  handlesPerMessage: 0,
  blocking: true,
  loans: false,
  peerDeath: false,
  credentials: false,
  damages: false,
  addressing: 'direct',
  greeting: 'none',
  confirms: false,
};
const reach = { worker: true, process: true };

testTransport({
  runner,
  name: 'udp:',
  transport: { url: new URL('../index.js', import.meta.url), name: 'udpTransport' },
  address,
  expected: { capabilities, reach },
  options,
});

testTransport({
  runner,
  name: 'udp: without the native addon',
  transport: { url: new URL('./testing/without-addon.js', import.meta.url), name: 'transport' },
  address,
  expected: { capabilities: { ...capabilities, blocking: false }, reach },
  options,
});
