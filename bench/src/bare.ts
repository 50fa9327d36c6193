import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.js';
import type { Measurement } from './client-main.js';
import { createRecorder } from './recorder.js';

const source = fileURLToPath(new URL('../native/bare.c', import.meta.url));

/** What a round trip over a bare mechanism carries, and for how long. */
export interface BareJob {
  readonly mechanism: string;
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Compiles native/bare.c into the run's scratch directory: the program's path, or null where there is no `cc`. */
export function compileBare(children: Children): string | null {
  const program = join(children.dir, 'bare');
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (error) return null;
  if (status !== 0) throw new Error(`cc could not compile ${source}:\n${stderr}`);
  return program;
}

/** Runs the program in fresh processes and gives its figures the shape of everybody else's. */
export async function runBare(children: Children, program: string, job: BareJob): Promise<Measurement> {
  const args = [job.mechanism, job.seconds, job.warmUpSeconds, job.requestBytes, job.replyBytes];
  const child = children.start(program, args.map(String));
  const numbers = async () => (await child.nextLine()).split(' ').map(Number) as number[];
  const [calls = 0, elapsedNs = 0, cpuNs = 0, rssKiB = 0] = await numbers();
  const recorder = createRecorder();
  for (let counted = 0; counted < calls; ) {
    const [ns = 0, times = 0] = await numbers();
    recorder.add(ns, times);
    counted += times;
  }
  await child.gone;
  const { p50Us, p99Us } = recorder.percentiles();
  return {
    calls,
    p50Us,
    p99Us,
    perSecond: calls / (elapsedNs / 1e9),
    cpuUsPerCall: cpuNs / 1000 / calls,
    rssMiB: rssKiB / 1024,
  };
}
