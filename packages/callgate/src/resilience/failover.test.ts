/** Several servers of one service, real processes, that are killed and started again. */
import { describe, expect, it, vi } from 'vitest';
import { type ClientSettings, createCallgate, type RetryPolicy } from '../index.js';
import { Fleet, type Server } from './testing/fleet.js';
import { Ledger } from './testing/ledger.js';

const gate = createCallgate({ config: {}, env: {} });
const retry: RetryPolicy = { maxAttempts: 5 };
const schemes = ['shm', 'unix'] as const;
/** Loops that call one time after the other. */
const CALLERS = 16;

function clientOf(servers: readonly Server[], settings: ClientSettings<'duplex'> = {}) {
  return gate.createClient(
    Ledger,
    servers.map(({ url }) => url),
    settings,
  );
}

/** Reads all the time from several loops, until it is stopped; gives who answered how often, and what failed. */
function reading(client: ReturnType<typeof clientOf>, callers = CALLERS) {
  const answers = new Map<string, number>();
  const failures: unknown[] = [];
  let on = true;
  const loop = async (): Promise<void> => {
    while (on) {
      try {
        const { text } = await client.read({ text: '' });
        const [pid = ''] = text.split(' ');
        answers.set(pid, (answers.get(pid) ?? 0) + 1);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const loops = Array.from({ length: callers }, loop);
  return {
    answers,
    failures,
    stop: async () => {
      on = false;
      await Promise.all(loops);
    },
  };
}

/** Resolves when that server answers calls of the client. */
async function answering(load: ReturnType<typeof reading>, server: Server): Promise<void> {
  const before = load.answers.get(server.pid) ?? 0;
  await vi.waitFor(() => expect(load.answers.get(server.pid) ?? 0).toBeGreaterThan(before), 15_000);
}

async function inTurn(servers: readonly Server[], each: (server: Server) => Promise<void>): Promise<void> {
  for (const server of servers) {
    await server.kill();
    await server.start();
    await each(server);
  }
}

describe.each(schemes)('Over %s:, while one of two servers is always alive,', (scheme) => {
  it.each(['round-robin', 'least-loaded'] as const)(
    'no call of an idempotent method fails (%s), and who comes back is called again.',
    async (balance) => {
      await using fleet = new Fleet();
      const servers = [await fleet.server(scheme), await fleet.server(scheme)];
      await using client = clientOf(servers, { balance, retry });
      const load = reading(client);
      for (const server of servers) await answering(load, server);
      await inTurn(servers, (server) => answering(load, server));
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(client.$channel.addresses).toMatchObject([
        { url: servers[0]?.url, state: 'ready', inFlight: 0, lastError: undefined },
        { url: servers[1]?.url, state: 'ready', inFlight: 0, lastError: undefined },
      ]);
      for (const { failures, calls } of client.$channel.addresses) {
        expect(failures).toBeGreaterThanOrEqual(1);
        expect(calls).toBeGreaterThan(0);
      }
    },
  );

  it('no call of an idempotent method fails (pick-first), though none waits for the first to come back.', async () => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme), await fleet.server(scheme)] as const;
    await using client = clientOf(servers, { retry });
    const load = reading(client);
    await answering(load, servers[0]);
    expect(load.answers.size).toBe(1);
    await servers[0].kill();
    await answering(load, servers[1]);
    await servers[0].start();
    await servers[1].kill();
    await answering(load, servers[0]);
    await load.stop();
    expect(load.failures).toEqual([]);
  });

  it.each(['pick-first', 'round-robin', 'least-loaded'] as const)(
    'no blocking call of an idempotent method fails (%s).',
    async (balance) => {
      await using fleet = new Fleet();
      const servers = [await fleet.server(scheme), await fleet.server(scheme)];
      const stop = await fleet.blocking(
        servers.map(({ url }) => url),
        { balance, retry },
      );
      // The next is killed when this one listens, whether its client knows or not.
      await inTurn(servers, async () => undefined);
      const { answered, failures } = await stop();
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(0);
    },
  );
});

describe.each(['unix'] as const)('Over %s:', (scheme) => {
  it('round-robin spreads calls evenly.', async () => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme), await fleet.server(scheme), await fleet.server(scheme)];
    await using client = clientOf(servers, { balance: 'round-robin' });
    const states = () => client.$channel.addresses.map(({ state }) => state);
    await vi.waitFor(async () => {
      await client.read({ text: '' });
      expect(states()).toEqual(['ready', 'ready', 'ready']);
    }, 15_000);
    const before = client.$channel.addresses.map(({ calls }) => calls);
    for (let i = 0; i < 300; i++) await client.read({ text: '' });
    expect(client.$channel.addresses.map(({ calls }, i) => calls - (before[i] ?? 0))).toEqual([100, 100, 100]);
    expect(client.$channel.state).toBe('ready');
  });

  it.each(['round-robin', 'least-loaded'] as const)(
    '%s spreads blocking calls over all that live.',
    async (balance) => {
      await using fleet = new Fleet();
      const servers = [await fleet.server(scheme), await fleet.server(scheme), await fleet.server(scheme)];
      await servers[0]?.kill();
      const stop = await fleet.blocking(
        servers.map(({ url }) => url),
        { balance },
      );
      const { failures, servers: who } = await stop();
      expect(failures).toEqual([]);
      expect(who.toSorted()).toEqual([servers[1]?.pid, servers[2]?.pid].toSorted());
    },
  );

  it('least-loaded keeps away from a server that is slow.', async () => {
    await using fleet = new Fleet();
    const slow = await fleet.server(scheme, 200);
    const quick = await fleet.server(scheme);
    await using client = clientOf([slow, quick], { balance: 'least-loaded' });
    const load = reading(client, 8);
    await answering(load, slow);
    await answering(load, slow);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.answers.get(quick.pid)).toBeGreaterThan(5 * (load.answers.get(slow.pid) ?? 0));
  });

  it('a call fails when no address can be reached, and says so of each.', async () => {
    await using fleet = new Fleet();
    const [a, b] = [fleet.url(scheme), fleet.url(scheme)];
    for (const balance of ['pick-first', 'round-robin'] as const) {
      await using client = gate.createClient(Ledger, [a, b], { balance });
      const call = client.read({ text: '' });
      await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'UNREACHABLE', failed: 'channel' });
      const words = await call.catch((error: Error) => error.message);
      expect(words).toMatch(/^test\.Ledger\/Read: none of the 2 addresses can be reached: .*; /);
      for (const url of [a, b]) expect(words).toContain(url.slice(scheme.length + 1));
      expect(client.$channel.state).toBe('transient-failure');
    }
  });

  it('a server that is stopped holds up nobody who could be answered by another.', async () => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme), await fleet.server(scheme)] as const;
    servers[0].stop();
    for (const balance of ['pick-first', 'round-robin'] as const) {
      await using client = clientOf(servers, { balance });
      expect((await client.read({ text: '' })).text).toBe(`${servers[1].pid} 0`);
      const stop = await fleet.blocking(
        servers.map(({ url }) => url),
        { balance },
      );
      const { failures, servers: who } = await stop();
      expect([failures, who]).toEqual([[], [servers[1].pid]]);
    }
  });

  it('a call that waits for a connection is answered by whichever server comes first.', async () => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme), await fleet.server(scheme)] as const;
    for (const server of servers) await server.kill();
    for (const balance of ['pick-first', 'round-robin'] as const) {
      await using client = clientOf(servers, { balance, waitForReady: true });
      const call = client.read({ text: '' });
      await servers[1].start();
      expect((await call).text).toBe(`${servers[1].pid} 0`);
      await servers[1].kill();
    }
  });

  it('a server that closes in good order loses no call, whatever the method.', async () => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme), await fleet.server(scheme)] as const;
    await using client = clientOf(servers, { balance: 'round-robin' });
    const written: string[] = [];
    const writer = async (name: string): Promise<void> => {
      for (let i = 0; i < 400; i++) {
        await client.write({ text: `${name}${i}` });
        written.push(`${name}${i}`);
      }
    };
    const writers = Array.from({ length: CALLERS }, (_, i) => writer(`w${i}-`));
    await vi.waitFor(() => expect(written.length).toBeGreaterThan(100), 15_000);
    await servers[0].close();
    await Promise.all(writers);
    expect(fleet.entries().toSorted()).toEqual(written.toSorted());
  });

  it('a handler sees how often its call was tried before.', async () => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme, 60_000), await fleet.server(scheme)] as const;
    await using client = clientOf(servers, { retry });
    const call = client.read({ text: '' });
    await vi.waitFor(() => expect(client.$channel.addresses[0]?.inFlight).toBe(1), 15_000);
    await servers[0].kill();
    expect((await call).text).toBe(`${servers[1].pid} 1`);
  });
});
