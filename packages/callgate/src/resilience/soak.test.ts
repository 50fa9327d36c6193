/** Two servers that are killed and started again at random while many call, for a few seconds. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createCallgate, RpcError } from '../index.js';
import { Fleet, type Server } from './testing/fleet.js';
import { Ledger } from './testing/ledger.js';

const gate = createCallgate({ config: {}, env: {} });
const SOAK_MS = 6000;
const CALLERS = 24;

it.each(['shm', 'unix'] as const)(
  'Over %s:, every call ends in one reply or one clear error, and no entry is written twice.',
  { timeout: 60_000 },
  async (scheme) => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme), await fleet.server(scheme)];
    const urls = servers.map(({ url }) => url);
    await using client = gate.createClient(Ledger, urls, { balance: 'round-robin', retry: {}, timeout: 10_000 });
    const stop = await fleet.blocking(urls, { balance: 'round-robin', retry: {}, timeout: 10_000 }, 'sync');
    const until = performance.now() + SOAK_MS;

    const answered: string[] = [];
    const failures: string[] = [];
    let begun = 0;
    const caller = async (name: number): Promise<void> => {
      for (let i = 0; performance.now() < until; i++) {
        const entry = `w${name}-${i}`;
        begun++;
        try {
          if (i % 2 === 0) await client.read({ text: '' });
          else await client.write({ text: entry });
          answered.push(i % 2 === 0 ? '' : entry);
        } catch (error) {
          failures.push(RpcError.is(error) ? `${error.code} ${error.reason}` : String(error));
          // Who is refused at once, since nobody is there, must not keep the loop from turning.
          await delay(1);
        }
      }
    };
    const trouble = async (server: Server): Promise<void> => {
      while (performance.now() < until) {
        await delay(50 + Math.random() * 400);
        if (Math.random() < 0.7) await server.kill();
        else await server.close();
        await delay(Math.random() * 200);
        await server.start();
      }
    };
    await Promise.all([...Array.from({ length: CALLERS }, (_, i) => caller(i)), ...servers.map(trouble)]);
    const blocking = await stop();

    expect(answered.length + failures.length).toBe(begun);
    expect(client.$channel.stats.inFlight).toBe(0);
    expect(client.$channel.addresses.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
    const told = new Set([...failures, ...blocking.failures.map((failure) => failure.replace(/:.*/s, ''))]);
    for (const failure of told)
      expect(failure).toMatch(/^UNAVAILABLE (PEER_DIED|PEER_CLOSED|UNREACHABLE|DRAINING|OVERLOADED)$/);

    const entries = fleet.entries();
    const once = new Set(entries);
    expect(entries.length).toBe(once.size);
    const written = [...answered.filter((entry) => entry !== ''), ...blocking.written];
    expect(written.filter((entry) => !once.has(entry))).toEqual([]);
    expect(written.length).toBeGreaterThan(100);
  },
);
