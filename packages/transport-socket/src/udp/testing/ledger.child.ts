/** A server of the ledger: `ledger.child.js <url> [<options as JSON> [<journal>]]` says where it listens, and tells its tally when asked. */

import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { createServerOn } from '@callgate/core';
import { parseAddress, type TransportOptions } from '@callgate/core/transport';
import { udpTransport } from '../../index.js';
import { Ledger, type Tally } from './ledger.js';

const [url = 'udp:0', options = '{}', journal = ''] = process.argv.slice(2);
const runs = new Map<number, number>();
const errors: string[] = [];
const run = (number: number): void => {
  if (journal !== '') appendFileSync(journal, `${number}\n`);
  runs.set(number, (runs.get(number) ?? 0) + 1);
};

const server = createServerOn(
  () => [
    { address: parseAddress(url), transport: udpTransport, transportOptions: JSON.parse(options) as TransportOptions },
  ],
  { onError: (error) => errors.push(error.message) },
);
server.add(Ledger, {
  enter: ({ number }) => {
    run(number);
    return { number };
  },
  ponder: async ({ number }) => {
    run(number);
    await setTimeout(number % 64);
    return { number };
  },
  note: ({ number }) => {
    run(number);
    return { number };
  },
});
const [at] = await server.listen();
process.send?.(at);
process.on('message', () => process.send?.({ runs: [...runs], errors } satisfies Tally));
process.on('disconnect', () => process.exit());
