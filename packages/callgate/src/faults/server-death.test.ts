/** Servers that die with calls in flight, and their successors at the same address. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCallgate } from '../index.js';
import { Desk } from './testing/gen/desk.js';
import { fileOf, type Pair, poll, processSchemes, processWays, useStage, type Way } from './testing/stage.js';
import { failure, monotonicMs } from './testing/told.js';

const stage = useStage();

/** The figure that the survivors have, in ms. It is the mechanism's: a machine that is busy gets another try. */
const KNOWN_WITHIN_MS = 100;
const TRIES = 3;

/** `attempt` takes a fresh pair, and gives how long after the kill its last caller knew. */
async function knownInTime(way: Way, attempt: (pair: Pair) => Promise<number>): Promise<void> {
  const times: number[] = [];
  while (times.length < TRIES) {
    const ms = await attempt(await stage.pair(way, { apart: true }));
    if (ms <= KNOWN_WITHIN_MS) return;
    times.push(Math.round(ms));
  }
  expect.unreachable(`known ${times.join(', ')} ms after the kill, each time later than ${KNOWN_WITHIN_MS} ms`);
}

const died = ({ url, server }: Pair) => ({
  code: 'UNAVAILABLE',
  reason: 'PEER_DIED',
  failed: 'channel',
  message: `faults.Desk/Hang: the peer at ${url} (process ${server.pid}) died or dropped the link`,
});

describe.each(processSchemes)('A server over %s: that is killed with SIGKILL', (scheme) => {
  it('fails a thousand calls in flight within 100 ms, all with the same words.', async () => {
    await knownInTime({ scheme, mode: 'async' }, async (pair) => {
      const crowd = pair.desk.crowd(1000, 'hang');
      await poll(() => pair.server.do('stats', pair.url)).toMatchObject({ running: 1000 });
      const killedAt = monotonicMs();
      pair.server.signal('SIGKILL');
      const { answered, errors, atMs } = await crowd;
      expect({ answered, errors }).toEqual({ answered: 0, errors: [{ ...died(pair), times: 1000 }] });
      expect(await pair.desk.channel()).toMatchObject({
        peer: undefined,
        lastEnd: { by: 'peer', orderly: false, error: { reason: 'PEER_DIED' } },
        stats: { inFlight: 0 },
      });
      return atMs - killedAt;
    });
  });

  it('fails a call that blocks within 100 ms.', async () => {
    await knownInTime({ scheme, mode: 'sync' }, async (pair) => {
      const told = failure(pair.desk.call('hang', { text: 'a' }));
      await pair.server.event('a began');
      const killedAt = monotonicMs();
      pair.server.signal('SIGKILL');
      const error = await told;
      expect(error).toMatchObject(died(pair));
      expect(await pair.desk.channel()).toMatchObject({ peer: undefined, stats: { inFlight: 0 } });
      return error.atMs - killedAt;
    });
  });

  it('fails a call that blocks, timeout or not.', async () => {
    const pair = await stage.pair({ scheme, mode: 'sync' }, { apart: true });
    const told = failure(pair.desk.call('hang', { text: 'a' }, { timeout: 60_000 }));
    await pair.server.event('a began');
    await pair.server.kill();
    expect(await told).toMatchObject(died(pair));
  });
});

describe.each(processWays)('Over $scheme:, $mode,', (way) => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'a server ended by %s leaves its file, the next one takes it over, and the same client goes on.',
    async (signal) => {
      const { url, server, desk } = await stage.pair(way, { apart: true });
      const hanging = failure(desk.call('hang', { text: 'a' }));
      await server.event('a began');
      server.signal(signal);
      expect(await hanging).toMatchObject({ reason: 'PEER_DIED' });
      await server.ended;
      expect(existsSync(fileOf(url))).toBe(true);

      const next = stage.process();
      await stage.serve(next, url);
      expect(await desk.call('echo', { number: 4 })).toMatchObject({ number: 4 });
      expect((await desk.channel()).peer?.credentials?.pid).toBe(next.pid);
    },
  );

  it('a client that was idle when its server died goes on with the next server.', async () => {
    const { url, server, desk } = await stage.pair(way, { apart: true });
    await desk.call('echo');
    await server.kill();
    await stage.serve(stage.process(), url);
    expect(await desk.call('echo', { number: 5 })).toMatchObject({ number: 5 });
  });

  it('a server that closes in good order is gone in good order.', async () => {
    const { url, server, desk } = await stage.pair(way, { apart: true });
    await desk.call('echo');
    await server.do('closeServer', url, 1000);
    expect(existsSync(fileOf(url))).toBe(false);
    await expect(desk.call('echo')).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
    expect((await desk.channel()).lastEnd).toMatchObject({ by: 'peer', orderly: true });
  });
});

describe.each(processSchemes)('Over %s:', (scheme) => {
  it('a thread that only ever blocks goes on with the next server, though it heard nothing of the death.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode: 'sync' }, { apart: true });
    const called = stage.path('called');
    const restarted = stage.path('restarted');
    const second = desk.blockBetweenCalls(called, restarted);
    await poll(() => existsSync(called)).toBe(true);
    await server.kill();
    await stage.serve(stage.process(), url);
    writeFileSync(restarted, '');
    expect(await second).toMatchObject({ text: 'second' });
  });
});

describe.each(processSchemes)('Over %s:', (scheme) => {
  it('who calls again and again, as a server dies, does not keep the event loop from turning.', async () => {
    const url = stage.url(scheme);
    const server = stage.process();
    await stage.serve(server, url);
    const client = createCallgate({ config: {}, env: {} }).createClient(Desk, url, { retry: false });
    await client.echo({ number: 0 });
    // So many answers at once that the client's loop has its turn after some; this goes on before it has.
    const some = Array.from({ length: 8 }, (_, number) => client.echo({ number }));
    const settled = Promise.allSettled(some);
    await some[0];
    server.signal('SIGKILL');
    while (!/^State:\s+Z/m.test(readFileSync(`/proc/${server.pid}/status`, 'utf8')));
    let turned = false;
    setTimeout(() => {
      turned = true;
    }, 10);
    const giveUpAt = performance.now() + 15_000;
    while (!turned && performance.now() < giveUpAt) await client.echo({ number: 1 }).catch(() => undefined);
    expect(turned).toBe(true);
    await settled;
    await client.$close();
  });
});
