// A client that guards itself: interceptors that log, bound and break (logging, deadline, circuitBreaker), calls that go
// where least is under way (balance), and a thread that must not block (forbidSyncCalls).
import { circuitBreaker, deadline, logging } from '@callgate/interceptors';
import { createClient, createServer, createSyncClient, forbidSyncCalls, RpcError } from 'callgate';
import { Greeter } from '../gen/greeter.js';

/** Two servers that answer when they are told to, and by their names. */
let answer = (): void => undefined;
const told = new Promise<void>((resolve) => {
  answer = resolve;
});
const names = ['the first', 'the second'] as const;
const urls = names.map((name) => `unix:guarded-${process.pid}-${name.split(' ')[1]}`);
const servers = await Promise.all(
  names.map(async (greeting, i) => {
    const server = createServer();
    server.add(Greeter, {
      async greet({ name }) {
        if (name !== 'nobody') await told;
        return { greeting };
      },
    });
    await server.listen(urls[i]);
    return server;
  }),
);

/** Has pino's methods. */
const logger = {
  info: ({ code }: { code?: string }) => console.log(`logged: ${code}`),
  warn: ({ code, reason }: { code?: string; reason?: string }) => console.log(`logged: ${code} ${reason}`),
};
const states: string[] = [];
const client = createClient(Greeter, urls, {
  balance: 'least-loaded',
  interceptors: [
    logging({ logger }),
    deadline({ default: '10s' }),
    circuitBreaker({ failures: 2, resetMs: 60_000, onState: (state) => states.push(state) }),
  ],
});

// Both are there before they are compared.
while (client.$channel.addresses.some(({ state }) => state !== 'ready')) await client.greet({ name: 'nobody' });
console.log('both are ready');
const calls = Array.from({ length: 4 }, () => client.greet({ name: 'Ada' }));
console.log(`under way: ${client.$channel.addresses.map(({ inFlight }) => inFlight).join(' and ')}`);
answer();
const greetings = (await Promise.all(calls)).map(({ greeting }) => greeting);
for (const name of names) console.log(`${name} answered ${greetings.filter((one) => one === name).length}`);

// With pick-first, which is the default, all go to the first one that is there.
const keen = createClient(Greeter, urls);
const answers = await Promise.all(Array.from({ length: 4 }, () => keen.greet({ name: 'Ada' })));
console.log(`all by ${[...new Set(answers.map(({ greeting }) => greeting))].join(', ')}`);
await keen.$close();

// An event loop that serves others must not block: this one has servers of its own.
const allow = forbidSyncCalls('its servers would not answer meanwhile');
try {
  createSyncClient(Greeter, urls[0]).greet({ name: 'Grace' });
} catch (error) {
  if (!RpcError.is(error)) throw error;
  console.log(error.reason, error.message);
}
allow();

for (const server of servers) await server.close();
for (let call = 0; call < 3; call++) await client.greet({ name: 'Ada' }).catch(() => undefined);
console.log(`the circuit: ${states.join(', ')}`);
await client.$close();
