/** Calls the ledger, blocking: `caller.child.js <url> <options as JSON> <first number> <calls> <notes>`; says what came of them. */
import { createSyncClientOn, RpcError } from '@callgate/core';
import { parseAddress, type TransportOptions } from '@callgate/core/transport';
import { udpTransport } from '../../index.js';
import { Ledger } from './ledger.js';

const [url = '', options = '{}', ...numbers] = process.argv.slice(2);
const [first = 0, calls = 0, notes = 0] = numbers.map(Number);
const target = {
  address: parseAddress(url),
  transport: udpTransport,
  transportOptions: JSON.parse(options) as TransportOptions,
};
const client = createSyncClientOn(Ledger, () => target, { timeout: 3000, connectTimeoutMs: 10_000 });
const outcomes: Record<string, number> = {};
const count = (what: string): void => {
  outcomes[what] = (outcomes[what] ?? 0) + 1;
};

function attempt(call: () => unknown): void {
  try {
    call();
    count('done');
  } catch (error) {
    count(RpcError.is(error) ? error.code : String(error));
  }
}

for (let number = first; number < first + calls; number++) {
  attempt(() => {
    const method = number % 50 === 0 ? client.ponder : client.enter;
    const reply = method({ number });
    if (reply.number !== number) throw new Error(`asked ${number}, answered ${reply.number}`);
  });
}
for (let number = first + calls; number < first + calls + notes; number++) attempt(() => client.note({ number }));
client.$close();
process.send?.(outcomes);
process.disconnect();
