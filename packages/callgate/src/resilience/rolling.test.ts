/** Servers that are restarted one after the other while many call: real processes, and no call fails. */
import { expect, it, vi } from 'vitest';
import { type ClientSettings, createCallgate } from '../index.js';
import { Fleet } from './testing/fleet.js';
import { Shift } from './testing/shift.js';
import { emptyLoad, load } from './testing/shift-load.js';

const gate = createCallgate({ config: {}, env: {} });
const CALLERS = 8;
const SERVER = 'shift.child.js';

/** Calls of all kinds, awaited and blocking, none of which may be made twice. */
async function underLoad(fleet: Fleet, urls: readonly string[], settings: ClientSettings<'duplex'>) {
  const client = gate.createClient(Shift, urls, settings);
  const into = emptyLoad();
  let on = true;
  const callers = Array.from({ length: CALLERS }, (_, i) => load(client, `a${i}`, into, () => on));
  const stopBlocking = await fleet.blocking<{ entries: string[]; servers: string[]; failures: string[] }>(
    urls,
    settings,
    'b',
    'shift-sync.child.js',
  );
  /** Resolves when that process answers. */
  const answered = (pid: string): Promise<void> =>
    vi.waitFor(() => expect(into.servers.has(pid)).toBe(true), { timeout: 20_000, interval: 5 });
  const stop = async () => {
    on = false;
    await Promise.all(callers);
    const blocking = await stopBlocking();
    await client.$close();
    return { async: into, blocking };
  };
  return { answered, stop };
}

/** Every call was answered, and everything that was answered is in the book once; one-way calls, too. */
function expectNothingLost(fleet: Fleet, ...loads: { entries: string[]; failures: string[] }[]): void {
  expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
  for (const { entries } of loads) expect(entries.length).toBeGreaterThan(20);
  expect(fleet.entries().toSorted()).toEqual(loads.flatMap(({ entries }) => entries).toSorted());
}

it.each([
  ['shm', 'round-robin'],
  ['unix', 'pick-first'],
  ['fifo', 'least-loaded'],
] as const)(
  'Over %s: (%s), a rolling restart of two servers under load fails no call, and makes none twice.',
  { timeout: 60_000 },
  async (scheme, balance) => {
    await using fleet = new Fleet();
    const servers = [await fleet.server(scheme, 0, SERVER), await fleet.server(scheme, 0, SERVER)] as const;
    const calling = await underLoad(
      fleet,
      servers.map(({ url }) => url),
      { balance },
    );
    for (const server of servers) {
      expect(await server.drain()).toBe(0);
      // Whoever is left answers; pick-first stays there.
      await server.start();
      if (balance !== 'pick-first') await calling.answered(server.pid);
    }
    const { async: awaited, blocking } = await calling.stop();
    expectNothingLost(fleet, awaited, blocking);
    expect(awaited.servers.size).toBeGreaterThanOrEqual(2);
    expect(blocking.servers.length).toBeGreaterThanOrEqual(2);
  },
);

it.each(['shm', 'unix'] as const)(
  'Over %s:, a server that takes over the name of one that drains gets the calls, of who waits for it; none fails.',
  { timeout: 60_000 },
  async (scheme) => {
    await using fleet = new Fleet();
    const url = fleet.url(scheme);
    const first = await fleet.serverAt(url, SERVER);
    const calling = await underLoad(fleet, [url], { waitForReady: true });
    await calling.answered(first.pid);
    const drained = first.drain();
    const second = await fleet.serverAt(url, SERVER);
    expect(await drained).toBe(0);
    await calling.answered(second.pid);
    const { async: awaited, blocking } = await calling.stop();
    expectNothingLost(fleet, awaited, blocking);
    expect(blocking.servers.length).toBe(2);
  },
);
