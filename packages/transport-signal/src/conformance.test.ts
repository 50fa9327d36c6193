import { testNotifications } from '@callgate/core/conformance';
import { afterAll, describe, it } from 'vitest';

testNotifications({
  runner: { describe, it, afterAll },
  name: 'signal:',
  transport: { url: new URL('./index.js', import.meta.url), name: 'signalTransport' },
  address: (scratch, n) => `signal:${scratch}/${n}`,
  capabilities: {
    directions: ['send'],
    delivery: 'coalesced',
    maxMessageBytes: 8,
    handlesPerMessage: 0,
    blocking: true,
    loans: false,
    peerDeath: true,
    credentials: false,
    damages: false,
    addressing: 'direct',
    greeting: 'none',
    confirms: true,
  },
  merging: { signals: { Knock: 'SIGUSR2' } },
});
