import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How long a child may live, in milliseconds: it may block its only thread, so the watchdog is here, in the parent. */
const watchdogMs = 20_000;

export interface Child {
  readonly pid: number;
  /** The next line of its standard output. Rejects, with what it wrote to standard error, when it ends without one. */
  line(): Promise<string>;
  write(text: string): void;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code or signal, and its standard error. */
  readonly ended: Promise<{ readonly status: number | NodeJS.Signals; readonly stderr: string }>;
}

export interface ChildOptions {
  readonly command?: string;
  readonly nodeArgs?: readonly string[];
  /** Of `runScenario`: further arguments of the program. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program of this folder, such as `memory.child`, or any command. */
export function startChild(program: string, args: readonly string[] = [], options: ChildOptions = {}): Child {
  const command = options.command ?? process.execPath;
  const file = options.command ? program : fileURLToPath(new URL(`./${program}.js`, import.meta.url));
  const child = spawn(command, [...(options.nodeArgs ?? []), file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), watchdogMs);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(watchdog);
    return { status: (code ?? signal) as number | NodeJS.Signals, stderr };
  });
  return {
    pid: child.pid!,
    ended,
    async line() {
      const next = await lines.next();
      if (!next.done) return next.value;
      const { status } = await ended;
      throw new Error(`${program} ${args.join(' ')} ended with ${status} and without another line: ${stderr}`);
    },
    write: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs one scenario of a program in its own process and gives what it printed as JSON. */
export async function runScenario<T>(program: string, scenario: string, options: ChildOptions = {}): Promise<T> {
  const child = startChild(program, [scenario, ...(options.args ?? [])], options);
  const result = JSON.parse(await child.line()) as T;
  const { status, stderr } = await child.ended;
  if (status !== 0) throw new Error(`${program} ${scenario} ended with ${status}: ${stderr}`);
  return result;
}

/** The other half of runScenario: picks the scenario that the arguments name, runs it and prints its result. */
export async function playScenario(scenarios: Readonly<Record<string, () => unknown>>): Promise<void> {
  const scenario = scenarios[process.argv[2]!];
  if (scenario === undefined) throw new Error(`no scenario ${process.argv[2]}`);
  console.log(JSON.stringify((await scenario()) ?? null));
}
