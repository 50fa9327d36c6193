import type { Transport } from '../../transport/contract.js';
import { commonOptionChecks, type OptionCheck, oneOf, optionProblems } from '../../transport/options.js';

/** A transport for tests of composition: it has options like any other, and opens nothing. */
export function plainTransport(scheme: string, own: Readonly<Record<string, OptionCheck>> = {}): Transport {
  const opensNothing = (): never => {
    throw new Error(`${scheme}: opens nothing`);
  };
  return {
    scheme,
    capabilities: {
      directions: ['duplex'],
      delivery: 'exact',
      maxMessageBytes: 1024,
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
    validateOptions: (options) => optionProblems(options, { ...commonOptionChecks, ...own }),
    connect: opensNothing,
    connectSync: opensNothing,
    listen: opensNothing,
  };
}

/** Two transports with an option each: `mem:` has `strategy`, `wire:` has `mode`. */
export const plainTransports: readonly Transport[] = [
  plainTransport('mem', { strategy: oneOf(['spin', 'park']) }),
  plainTransport('wire', { mode: oneOf(['0600', '0660']) }),
];
