import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import { type Credentials, READABLE } from '@callgate/core/transport';
import { type Fd, type NativeAddon, tryLoadAddon } from '@callgate/native';
import { needAddon } from '../need-addon.js';
import { newName, offer, withdraw } from './offers.js';
import { INHERITED_VARIABLE } from './place.js';

const PF_EXITING = 4;

export interface SpawnWithPipesOptions extends Omit<SpawnOptions, 'stdio'> {
  /**
   * Descriptors under which the child finds its ends, from 3 on: the one to read from, the one to write to. `stdio`: its
   * standard input and standard output. @default [3, 4]
   */
  readonly at?: 'stdio' | readonly [input: number, output: number];
  /**
   * The child's standard input, output and error, as for `spawn` of node:child_process; `at: 'stdio'` uses the last one
   * only. @default ['ignore', 'inherit', 'inherit']
   */
  readonly stdio?: readonly [SpawnPlace, SpawnPlace, SpawnPlace];
}

export type SpawnPlace = 'ignore' | 'inherit' | 'pipe';

/** A child with a pipe each way between it and this process. */
export interface PipedChild {
  /** As from `spawn` of node:child_process. */
  readonly process: ChildProcess;
  /** The process id that it has, or had. */
  readonly pid: number;
  /** Where this thread, once, serves or calls the child: `pipe:child-1`. */
  readonly url: string;
  /** Closes this side's ends if nothing uses them yet; a link is closed by who uses it. The child is not killed. */
  close(): void;
}

/**
 * Starts a program, whatever it is written in, with two pipes between it and this process; either side may serve. The
 * child's ends are open in the child only, under the numbers `at` and in blocking mode, and CALLGATE_INHERITED in its
 * environment says where; a child that uses Callgate finds them as `pipe:inherited`. This process's ends are open here
 * only, and are used by serving or calling `url`. When the child ends, so does the link, whoever else may have got hold
 * of the child's ends; a program that starts the real one should therefore be replaced by it (`exec`).
 *
 * Rejects with RpcError when the program cannot be started: UNAVAILABLE (UNREACHABLE) when there is none,
 * PERMISSION_DENIED (NOT_ALLOWED), RESOURCE_EXHAUSTED; INVALID_ARGUMENT (BAD_OPTION); FAILED_PRECONDITION
 * (ADDON_MISSING). Source: pipe(7).
 */
export async function spawnWithPipes(
  command: string,
  args: readonly string[] = [],
  options: SpawnWithPipesOptions = {},
): Promise<PipedChild> {
  const { at = [3, 4], stdio: standard = ['ignore', 'inherit', 'inherit'], ...others } = options;
  const native = needAddon(tryLoadAddon(), 'pipe');
  const [input, output] = numbersOf(at);
  const opened: Fd[] = [];
  const pipe = (): readonly [Fd, Fd] => {
    const both = native.createPipe();
    opened.push(...both);
    return both;
  };
  try {
    const [childReads, weWrite] = pipe();
    const [weRead, childWrites] = pipe();
    // Other programs expect pipes that block.
    for (const end of [childReads, childWrites]) native.setNonBlocking(end, false);
    const stdio: (SpawnPlace | number)[] = [...standard];
    for (let number = 3; number < Math.max(input, output); number++) stdio[number] = 'ignore';
    stdio[input] = childReads.value;
    stdio[output] = childWrites.value;
    const told = at === 'stdio' ? 'stdio' : `${input},${output}`;
    const env = { ...(others.env ?? process.env), [INHERITED_VARIABLE]: told };
    const child = spawn(command, args, { ...others, env, stdio });
    childReads.close();
    childWrites.close();
    const { pid } = child;
    if (pid === undefined) throw (await once(child, 'error'))[0];
    const name = newName();
    const url = `pipe:${name}`;
    const life = openLife(native, pid);
    const credentials = credentialsOf(pid);
    const peer = { address: url, ...(credentials && { credentials }) };
    const watched = life && { life, lives: () => native.poll([life], [READABLE], 0) === 0 && !isExiting(pid) };
    offer(name, { input: weRead, output: weWrite, peer, ...watched });
    child.once('exit', () => withdraw(name));
    return { process: child, pid, url, close: () => withdraw(name) };
  } catch (error) {
    for (const end of opened) end.close();
    throw fromErrno(error, `cannot start ${command}`);
  }
}

function numbersOf(at: 'stdio' | readonly [number, number]): readonly [number, number] {
  if (at === 'stdio') return [0, 1];
  const [input, output] = at;
  const fits = (number: number): boolean => Number.isInteger(number) && number >= 3 && number <= 1023;
  if (fits(input) && fits(output) && input !== output) return at;
  throw new RpcError(
    'INVALID_ARGUMENT',
    `at: expected 'stdio', or two different descriptors from 3 to 1023, found ${JSON.stringify(at)}`,
    { reason: Reason.BAD_OPTION, failed: 'channel' },
  );
}

/** At once after the start: the number cannot have been given to another process yet. */
function openLife(native: NativeAddon, pid: number): Fd | undefined {
  try {
    return native.openProcess(pid);
  } catch {
    // An old kernel. The end of the pipe still tells, unless the child has left its ends to another process.
    return undefined;
  }
}

/**
 * Whether a process that is not yet gone has begun to exit: it closes its descriptors before its pidfd tells. Source:
 * proc_pid_stat(5); PF_EXITING of the kernel's sched.h.
 */
function isExiting(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, , , , , , flags] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' || (Number(flags) & PF_EXITING) !== 0;
  } catch {
    return true;
  }
}

/** Effective ids. Undefined when it has gone already. Source: proc_pid_status(5). */
function credentialsOf(pid: number): Credentials | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const effective = (name: string): number => Number(new RegExp(`^${name}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)![1]);
    return Object.freeze({ pid, uid: effective('Uid'), gid: effective('Gid') });
  } catch {
    return undefined;
  }
}
