import { type Expected, testTransport } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

const runner = { describe, it, afterAll };
// Below the ports that the system gives out by itself, and apart from those of another run at the same time.
let port = 21_000 + (process.pid % 50) * 220;
const address = (): string => `tcp:127.0.0.1:${port++}`;
// Small, so that the ends of buffers are reached often.
const options = { maxMessageBytes: 65_536 };
// Linux asks after 200 ms whether a peer's system has more room.
const settlingMs = 250;

const capabilities: Expected['capabilities'] = {
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
};
const reach = { worker: true, process: true };

testTransport({
  runner,
  name: 'tcp: without the native addon',
  transport: { url: new URL('./testing/without-addon.js', import.meta.url), name: 'transport' },
  address,
  expected: { capabilities: { ...capabilities, blocking: false }, reach },
  options,
  settlingMs,
});
