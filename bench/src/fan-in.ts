import type { CellOptions } from './cell.js';
import type { Children } from './children.js';
import type { Measurement } from './client-main.js';
import { startServer } from './pair.js';
import { mergeHistograms } from './recorder.js';
import { FAN_IN } from './scenario.js';
import type { NodeSubject } from './subject.js';

/** Has many client processes call one server, all in the same seconds, and gives what they did together. */
export async function measureFanIn(
  children: Children,
  { scenario, subject, seconds, warmUpSeconds }: CellOptions & { readonly subject: NodeSubject },
): Promise<Measurement> {
  const { server, job, launch } = await startServer(children, subject);
  const task = { kind: 'measure', scenario, seconds, warmUpSeconds, told: true } as const;
  // The first of them counts what the server uses, too.
  const clients = Array.from({ length: FAN_IN }, (_, i) =>
    launch('client', { ...job, ...(server && { serverPid: server.pid }), uncounted: i > 0, task }),
  );
  await Promise.all(clients.map((client) => client.nextLine())); // warm
  for (const { pid } of clients) process.kill(pid, 'SIGUSR2');
  const lines = await Promise.all(clients.map((client) => client.nextLine()));
  await Promise.all(clients.map((client) => client.stop()));
  await server?.stop();
  return together(lines.map((line) => JSON.parse(line) as Measurement));
}

function together(parts: readonly Measurement[]): Measurement {
  const sum = (value: (part: Measurement) => number) => parts.reduce((all, part) => all + value(part), 0);
  const { count: calls, ...recording } = mergeHistograms(parts.map(({ histogram }) => histogram));
  return {
    ...recording,
    calls,
    perSecond: sum(({ perSecond }) => perSecond),
    cpuUsPerCall: sum((part) => part.cpuUsPerCall * part.calls) / calls,
    rssMiB: sum(({ rssMiB }) => rssMiB),
  };
}
