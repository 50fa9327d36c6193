import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Link, parseAddress } from '@callgate/core/transport';
import { expect, onTestFinished } from 'vitest';
import { signalTransport } from '../transport.js';

/** How long a program may live, in ms: it may block its only thread. */
const WATCHDOG_MS = 20_000;

export interface Program {
  readonly pid: number;
  /** The next line of its output, parsed if it is JSON. Rejects, with what it complained of, when there is none. */
  line(): Promise<unknown>;
  /** Sends a line. */
  tell(line: string): void;
  /** Sends a command, and gives its answer; other lines that come before are passed over. */
  ask(command: string): Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** Ends its input, and gives its exit code or the signal that killed it. */
  end(): Promise<number | string>;
}

/** Programs, links and a folder that are gone after the test, which fails if something else is left. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'callgate-signal-'));
  readonly url = `signal:${this.folder}/bell`;
  readonly path = `${this.folder}/bell`;
  readonly #children: ChildProcess[] = [];
  readonly #links: Link[] = [];

  constructor() {
    onTestFinished(() => this.clear());
  }

  receiver(options: Record<string, unknown> = {}, ...more: string[]): Program {
    return this.run(process.execPath, [program('receiver.child.js'), this.url, JSON.stringify(options), ...more]);
  }

  /** One that the debugger can be attached to, at whatever port is free, and that does not listen yet. */
  debuggable(): Program {
    return this.run(process.execPath, ['--inspect-port=0', program('receiver.child.js'), this.url, '{}', 'later']);
  }

  /** One that listens. */
  async listening(options?: Record<string, unknown>): Promise<Program> {
    const receiver = this.receiver(options);
    expect(await receiver.line()).toEqual({ listening: this.url });
    return receiver;
  }

  async sender(): Promise<Program> {
    const sender = this.run(process.execPath, [program('sender.child.js'), this.url]);
    expect(await sender.line()).toBe('connected');
    return sender;
  }

  python(code: string, ...args: (string | number)[]): Program {
    return this.run('python3', ['-c', code, ...args.map(String)]);
  }

  async connect(): Promise<Link> {
    const link = await signalTransport.connect(parseAddress(this.url), {}, performance.now() + 5000);
    this.#links.push(link);
    return link;
  }

  run(command: string, args: readonly string[], options: { readonly uid?: number } = {}): Program {
    const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#children.push(child);
    const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MS);
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ended = once(child, 'close').then(([code, signal]) => {
      clearTimeout(watchdog);
      return (code ?? signal) as number | string;
    });
    const line = async (): Promise<unknown> => {
      const next = await lines.next();
      if (next.done) throw new Error(`${command} ended with ${await ended} and without another line: ${complaints}`);
      return parsed(next.value);
    };
    return {
      pid: child.pid ?? 0,
      line,
      tell: (text) => void child.stdin.write(`${text}\n`),
      async ask(text) {
        child.stdin.write(`${text}\n`);
        for (;;) {
          const found = (await line()) as { readonly did?: string; readonly answer?: unknown };
          if (found?.did === text) return found.answer;
        }
      },
      kill: (signal) => void child.kill(signal),
      end: () => {
        child.stdin.end();
        return ended;
      },
    };
  }

  async clear(): Promise<void> {
    for (const link of this.#links.splice(0)) link.abort();
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  get files(): readonly string[] {
    return readdirSync(this.folder);
  }
}

function program(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

/** Resolves once `look` says yes; fails after a while. */
export async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !(await look()); await new Promise((turn) => setTimeout(turn, 5))) {
    if (performance.now() > end) throw new Error(`still not so: ${look}`);
  }
}

export async function rejection(promise: Promise<unknown>): Promise<{ code: string; reason: string; message: string }> {
  return promise.then(
    () => Promise.reject(new Error('expected a rejection')),
    (error) => error,
  );
}
