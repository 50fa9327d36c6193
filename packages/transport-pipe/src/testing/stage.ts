import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RpcError } from '@callgate/core/errors';
import {
  type Link,
  type Listener,
  parseAddress,
  type Transport,
  type TransportOptions,
} from '@callgate/core/transport';
import { afterEach, beforeEach, expect } from 'vitest';

/** How long, in ms, something that should happen may take before it counts as never happening. */
export const PATIENCE_MS = 10_000;
export const soon = (): number => performance.now() + PATIENCE_MS;

/** Looks again and again until what is found is as expected. */
export const poll: typeof expect.poll = (look) => expect.poll(look, { timeout: PATIENCE_MS, interval: 5 });

export interface Listening {
  readonly url: string;
  readonly listener: Listener;
  readonly errors: RpcError[];
  /** The next link in turn. */
  accepted(): Promise<Link>;
}

/** Another program; each line that it prints counts. */
export interface Program {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<unknown>;
  line(): Promise<string>;
  tell(line: string): void;
}

/** What one test makes; all of it is gone after the test, which fails when a descriptor or a file is left. */
export interface Stage {
  readonly scratch: string;
  path(name: string): string;
  /** Undone after the test, the last one first. */
  later(undo: () => unknown): void;
  listen(url: string, options?: TransportOptions): Promise<Listening>;
  connect(url: string, options?: TransportOptions, deadline?: number): Promise<Link>;
  keep<T extends Link>(link: T): T;
  run(command: string, args: readonly string[]): Program;
  python(code: string, ...args: string[]): Program;
}

/** Files whose names begin with `kept-` may stay until the end of a test. */
export function useStage(transport: Transport): Stage {
  let scratch = '';
  let endings: (() => unknown)[] = [];
  let fdsBefore = 0;

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'callgate-pipes-'));
    endings = [];
    fdsBefore = openFds();
  });
  afterEach(async () => {
    for (const end of endings.reverse()) await end();
    const left = readdirSync(scratch);
    rmSync(scratch, { recursive: true, force: true });
    expect(left.filter((name) => !name.startsWith('kept-'))).toEqual([]);
    // Pipes of children are closed by the event loop, a little later.
    await poll(openFds).toBeLessThanOrEqual(fdsBefore);
  });

  const stage: Stage = {
    get scratch() {
      return scratch;
    },
    path: (name) => join(scratch, name),
    later: (undo) => void endings.push(undo),
    async listen(url, options = {}) {
      const links: Link[] = [];
      const errors: RpcError[] = [];
      const listener = await transport.listen(
        parseAddress(url),
        options,
        (link) => links.push(stage.keep(link)),
        (error) => errors.push(error),
      );
      endings.push(() => listener.close());
      let taken = 0;
      return {
        url: listener.url,
        listener,
        errors,
        async accepted() {
          await poll(() => links.length).toBeGreaterThan(taken);
          return links[taken++]!;
        },
      };
    },
    async connect(url, options = {}, deadline = soon()) {
      return stage.keep(await transport.connect(parseAddress(url), options, deadline));
    },
    keep(link) {
      endings.push(() => link.abort());
      return link;
    },
    run(command, args) {
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const exited = once(child, 'close');
      const lines: string[] = [];
      let read = 0;
      createInterface(child.stdout).on('line', (line) => lines.push(line));
      endings.push(() => {
        child.kill('SIGKILL');
        return exited;
      });
      return {
        process: child,
        pid: child.pid!,
        exited,
        async line() {
          await poll(() => lines.length).toBeGreaterThan(read);
          return lines[read++]!;
        },
        tell: (line) => void child.stdin.write(`${line}\n`),
      };
    },
    python: (code, ...args) => stage.run('python3', ['-c', code, ...args]),
  };
  return stage;
}

export function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Sends a text as one message. */
export function put(link: Link, text: string): void {
  const bytes = Buffer.byteLength(text);
  const span = link.claim(bytes);
  if (span === null) throw new Error('the link is full');
  span.bytes.write(text, span.start);
  link.commit(bytes);
  link.flush();
}

/** The next message as a text; null at the end. */
export async function next(link: Link): Promise<string | null> {
  if (!(await link.whenReadable(soon()))) throw new Error('no message came');
  const span = link.receive();
  if (span === null) return null;
  const text = span.bytes.toString('utf8', span.start, span.end);
  link.release();
  return text;
}

/** An RpcError of this code and reason whose message contains all the words. */
export function rpcError(code: string, reason: string, ...words: string[]): RpcError {
  return expect.toSatisfy(
    (error: unknown) => {
      if (!RpcError.is(error) || error.code !== code || error.reason !== reason) return false;
      return words.every((word) => error.message.includes(word));
    },
    `an RpcError ${code} (${reason}) that says: ${words.join(' … ')}`,
  ) as RpcError;
}

/** What a Python program needs to speak the framing of links by hand, over two descriptors. */
export const pythonFrames = `
import os, struct, sys
HELLO = b"\\xcaGS\\x01" + struct.pack("<I", 1000000)
BYE = b"\\xff\\xff\\xff\\xff\\0\\0\\0\\0"
def frame(message): return struct.pack("<I", len(message)) + message
def exactly(fd, count):
    data = b""
    while len(data) < count:
        more = os.read(fd, count - len(data))
        if not more: sys.exit("the end came early")
        data += more
    return data
def message(fd): return exactly(fd, struct.unpack("<I", exactly(fd, 4))[0])
`;
