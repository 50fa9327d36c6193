import { setTimeout as delay } from 'node:timers/promises';
import type { Measurement } from './client-main.js';
import type { Companion } from './companion.js';
import { checkWholly, type GreetReply, type GreetRequest, greetings } from './message.js';
import type { AsyncClient, NodeSubject } from './subject.js';
import { timeAsync } from './timing.js';
import { collectGarbage, footprintOf, ticksPerSecond, usageOf, usageOfAll } from './usage.js';

/**
 * Opens so many connections to one server, each of which has made a call; reads what they cost while nobody calls; and
 * has some of them call, with so many calls under way on each.
 */
export interface CrowdTask {
  readonly kind: 'crowd';
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface CrowdCost {
  readonly connections: number;
  /** How many of them called. */
  readonly busy: number;
  /** CPU that each side used while nobody called, in ticks of 10 ms, over so many seconds. */
  readonly idleSeconds: number;
  readonly clientTicks: number;
  readonly serverTicks: number;
  /**
   * Private memory of each side for each connection beyond the first; null where there are fewer than `COUNTED`, whose
   * memory is lost in what a process takes and gives back by itself.
   */
  readonly clientKiB: number | null;
  readonly serverKiB: number | null;
  /** Resident memory that the two share, such as rings, for each connection beyond the first; null as above. */
  readonly sharedKiB: number | null;
}

export const BUSY = 16;
/**
 * The fewest connections whose memory stands out: two runs of one program differ by a mebibyte, which is a KiB for each of
 * so many.
 */
export const COUNTED = 1000;
const inFlight = 4;
/** What two readings of settled memory may differ by. */
const settledKiB = 256;
const mostLooks = 6;
/** Connections that are opened at once. */
const batch = 32;

export async function measureCrowd(
  subject: NodeSubject,
  { meeting, pids }: Companion,
  { connections, seconds, warmUpSeconds }: CrowdTask,
): Promise<Measurement> {
  const [clientPid = -1, serverPid = -1] = pids;
  const clients: AsyncClient[] = [];
  const open = async () => {
    const client = await subject.connect!(meeting);
    const request = greetings.request();
    checkWholly(request, await client.greet(request));
    clients.push(client);
  };
  const memory = async () => {
    // A collection hands pages back after it is over, and what it leaves unreachable goes with the next.
    for (let last = Number.NaN, looks = 1; ; looks++) {
      collectGarbage();
      process.kill(serverPid, 'SIGUSR2'); // it does the same
      await delay(50);
      const both = [footprintOf(clientPid), footprintOf(serverPid)] as const;
      const sum = both[0].privateKiB + both[1].privateKiB;
      if (Math.abs(sum - last) <= settledKiB || looks === mostLooks) return both;
      last = sum;
    }
  };

  await open();
  const [clientBefore, serverBefore] = await memory();
  while (clients.length < connections) {
    await Promise.all(Array.from({ length: Math.min(batch, connections - clients.length) }, open));
  }
  const [clientAfter, serverAfter] = await memory();
  const each = (after: number, before: number) =>
    connections >= COUNTED ? (after - before) / (connections - 1) : null;

  await delay(Math.min(seconds, 1) * 500); // what the collections have left to do
  const idleSeconds = 2 * seconds;
  const ticks = [clientPid, serverPid].map((pid) => usageOf(pid).cpuTicks);
  await delay(idleSeconds * 1000);
  const [clientTicks = 0, serverTicks = 0] = [clientPid, serverPid].map((pid, i) => usageOf(pid).cpuTicks - ticks[i]!);

  const busy = Math.min(BUSY, connections);
  // Spread over all: neither the first nor the last opened.
  const callers = Array.from({ length: busy }, (_, i) => clients[Math.floor((i * connections) / busy)]!);
  let turn = 0;
  const call = (request: GreetRequest): Promise<GreetReply> => callers[turn++ % busy]!.greet(request);
  await timeAsync(warmUpSeconds, busy * inFlight, greetings, call);
  const before = usageOfAll(pids).cpuTicks;
  const timing = await timeAsync(seconds, busy * inFlight, greetings, call);
  const { cpuTicks, rssMiB } = usageOfAll(pids);
  await Promise.all(clients.map((client) => client.close()));
  return {
    ...timing,
    cpuUsPerCall: (((cpuTicks - before) / ticksPerSecond) * 1e6) / timing.calls,
    rssMiB,
    crowd: {
      connections,
      busy,
      idleSeconds,
      clientTicks,
      serverTicks,
      clientKiB: each(clientAfter.privateKiB, clientBefore.privateKiB),
      serverKiB: each(serverAfter.privateKiB, serverBefore.privateKiB),
      sharedKiB: each(clientAfter.sharedKiB, clientBefore.sharedKiB),
    },
  };
}
