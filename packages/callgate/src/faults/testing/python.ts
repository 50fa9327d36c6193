import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Events } from './events.js';

/** The Python programs stand beside the source of this file. */
const source = fileURLToPath(new URL('../../../src/faults/testing/', import.meta.url));

/** A peer that is not Callgate's own: each line that it prints is an event. */
export interface Stranger {
  readonly pid: number;
  /** The rest of the next line that begins with the word. */
  says(word: string): Promise<string>;
  tell(line: string): void;
  readonly ended: Promise<unknown>;
  /** Ends it. */
  rest(): Promise<void>;
}

/** Runs a Python program until it ends, or its test does. */
export function stranger(file: string, ...args: string[]): Stranger {
  const child: ChildProcess = spawn('python3', [`${source}${file}`, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const events = new Events();
  createInterface(child.stdout!).on('line', (line) => {
    const [word = '', rest = ''] = line.split(/ (.*)/s);
    events.add(word, rest);
  });
  return {
    pid: child.pid!,
    says: (word) => events.next(word) as Promise<string>,
    tell: (line) => void child.stdin!.write(`${line}\n`),
    async rest() {
      child.kill('SIGKILL');
      await ended;
    },
    ended,
  };
}
