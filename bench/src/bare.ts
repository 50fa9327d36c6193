import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child, Children } from './children.js';
import type { Measurement } from './client-main.js';
import { createRecorder } from './recorder.js';

const sources = fileURLToPath(new URL('../native/', import.meta.url));

/** What a round trip over a bare mechanism carries, and for how long. */
export interface BareJob {
  /** It stands in `native/bare-<mechanism>.c`. */
  readonly mechanism: string;
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Whether the bare mechanisms can be measured here: they are compiled by `cc`. */
export function compilerIsThere(): boolean {
  return spawnSync('cc', ['--version']).status === 0;
}

/** What a mechanism is made with besides the C library: a header that must be there, and how it is linked. */
const libraries: Readonly<Record<string, { readonly header: string; readonly link: readonly string[] }>> = {
  tls: { header: 'openssl/ssl.h', link: ['-lssl', '-lcrypto'] },
};

/** Why a mechanism can't be compiled here, or undefined. */
export function missingFor(mechanism: string): string | undefined {
  if (!compilerIsThere()) return 'there is no C compiler (cc)';
  const header = libraries[mechanism]?.header;
  if (header === undefined) return undefined;
  const { status } = spawnSync('cc', ['-E', '-include', header, '-x', 'c', '/dev/null'], { stdio: 'ignore' });
  return status === 0 ? undefined : `the header ${header} is missing`;
}

/** What a bare program takes in one message by itself. */
const usualBytes = 2 ** 16;

/**
 * Compiles a mechanism into the run's scratch directory, once: the program's path.
 * @param bytes of its largest message
 */
export function compileBare(children: Children, mechanism: string, bytes: number = usualBytes): string {
  const large = bytes > usualBytes;
  const program = join(children.dir, large ? `bare-${mechanism}-${bytes}` : `bare-${mechanism}`);
  if (existsSync(program)) return program;
  const files = ['bare.c', `bare-${mechanism}.c`].map((name) => join(sources, name));
  const room = large ? [`-DMAX_BYTES=${bytes}`] : [];
  const options = ['-O2', '-pthread', ...room, '-o', program, ...files, '-lrt', ...(libraries[mechanism]?.link ?? [])];
  const { error, status, stderr } = spawnSync('cc', options, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`cc could not compile ${files[1]}:\n${error?.message ?? stderr}`);
  return program;
}

/**
 * Runs a mechanism in fresh processes and gives its figures the shape of everybody else's.
 * @param wrap the command line of another program under which to run it, such as taskset; none when empty
 */
export async function runBare(
  children: Children,
  { mechanism, requestBytes, replyBytes, seconds, warmUpSeconds }: BareJob,
  wrap: readonly string[] = [],
): Promise<Measurement> {
  const program = compileBare(children, mechanism, Math.max(requestBytes, replyBytes));
  const line = [...wrap, program, ...[seconds, warmUpSeconds, requestBytes, replyBytes].map(String)];
  return readProgram(children.start(line[0]!, line.slice(1)));
}

/** Reads what a program of `native/` prints: one line "calls elapsedNs cpuNs rssKiB", then lines "ns count". */
export async function readProgram(child: Child): Promise<Measurement> {
  const numbers = async () => (await child.nextLine()).split(' ').map(Number) as number[];
  const [calls = 0, elapsedNs = 0, cpuNs = 0, rssKiB = 0] = await numbers();
  const recorder = createRecorder();
  for (let counted = 0; counted < calls; ) {
    const [ns = 0, times = 0] = await numbers();
    recorder.add(ns, times);
    counted += times;
  }
  await child.gone;
  const { count: _, ...recording } = recorder.recording();
  return {
    ...recording,
    calls,
    perSecond: calls / (elapsedNs / 1e9),
    cpuUsPerCall: cpuNs / 1000 / calls,
    rssMiB: rssKiB / 1024,
  };
}
