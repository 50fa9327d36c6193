import { type ThemeName, type TransportTest, testTransport } from '@callgate/core/conformance';
import { certificates } from './certificates.js';

/**
 * Parts of about the same length; a theme that is added to the suite is an error here until it is in one. All links of
 * `blocking` are kept by another thread, also those that were accepted.
 */
const themesOf = {
  full: { backpressure: true } satisfies Partial<Record<ThemeName, true>>,
  blocking: { blocking: true } satisfies Partial<Record<ThemeName, true>>,
  rest: {
    manifest: true,
    directions: true,
    messages: true,
    handles: true,
    lossy: true,
    waiting: true,
    ending: true,
    listening: true,
    death: true,
    peers: true,
    threads: true,
    leaks: true,
  } satisfies Record<Exclude<ThemeName, 'backpressure' | 'blocking'>, true>,
};

/**
 * A part of what `tls:` must pass, at ports from `port` on. It waits a lot, and so its parts run beside each other, in
 * files of their own. Both sides show a certificate.
 */
export function testTls(runner: TransportTest['runner'], port: number, part: keyof typeof themesOf): void {
  let next = port;
  testTransport({
    runner,
    name: 'tls:',
    transport: { url: new URL('../../index.js', import.meta.url), name: 'tlsTransport' },
    address: () => `tls:127.0.0.1:${next++}`,
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
    options: { maxMessageBytes: 65_536, ...certificates('server'), requestCert: true, blocking: part === 'blocking' },
    // Linux asks after 200 ms whether a TCP peer's system has more room.
    settlingMs: 250,
    themes: Object.keys(themesOf[part]) as ThemeName[],
  });
}
