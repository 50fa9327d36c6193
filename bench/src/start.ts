import type { CellOptions } from './cell.js';
import type { Children } from './children.js';
import type { Measurement } from './client-main.js';
import { median } from './format.js';
import { startServer } from './pair.js';
import { createRecorder } from './recorder.js';
import type { Started, StartJob } from './start-main.js';
import type { NodeSubject } from './subject.js';

const program = new URL('start-main.js', import.meta.url);
const fewest = 3;

interface StartOptions extends CellOptions {
  readonly subject: NodeSubject;
  /** `start-up`: from the start of a process to its first reply, less what an empty one takes. `cold`: without the start. */
  readonly scenario: 'start-up' | 'cold';
}

/** Starts one client after the other, each beside an empty process, while a server that is up waits for them. */
export async function measureStart(
  children: Children,
  { scenario, subject, seconds }: StartOptions,
): Promise<Measurement> {
  const { server, job } = await startServer(children, subject);
  const { dir, module } = job;
  const clients: (Started & { readonly ms: number })[] = [];
  const empty: number[] = [];
  const begun = performance.now();
  await start(children, null); // whatever the system has to read is then read
  while (clients.length < fewest || performance.now() - begun < seconds * 1000) {
    empty.push((await start(children, null)).ms);
    clients.push(await start(children, { subject: subject.name, module, dir }));
  }
  await server?.stop();
  const recorder = createRecorder();
  const emptyMs = median(empty);
  const took = clients.map(({ ms, coldUs }) => (scenario === 'cold' ? coldUs / 1000 : Math.max(ms - emptyMs, 0)));
  for (const ms of took) recorder.record(ms);
  const { count: calls, ...recording } = recorder.recording();
  return {
    ...recording,
    calls,
    perSecond: 1000 / median(clients.map(({ ms }) => ms)),
    cpuUsPerCall: median(clients.map(({ cpuUs }) => cpuUs)),
    rssMiB: median(clients.map(({ rssMiB }) => rssMiB)),
  };
}

/** Starts a process and waits for its line: how long that took from before it was there. */
async function start(children: Children, job: StartJob | null): Promise<Started & { readonly ms: number }> {
  const begun = performance.now();
  const child = children.startModule(program, job);
  const line = await child.nextLine();
  const ms = performance.now() - begun;
  await child.gone;
  return { ...(JSON.parse(line) as Started), ms };
}
