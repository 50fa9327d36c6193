import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { Reason, RpcError } from '@callgate/core/errors';
import { type Address, describeFile } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';
import type { PipeEnds } from '../pipe-stream.js';

const READ = 0;
const WRITE = 1;
type Access = typeof READ | typeof WRITE;

/** A descriptor as this process got it, made the link's own. */
interface Adopted {
  readonly fd: Fd;
  /** Gives the open file, which somebody else may share, the flags back that it had. */
  restore(): void;
}

/**
 * Takes over two descriptors that this process was started with: nobody else in it uses them from now on. Numbers from
 * 3 on are closed. Standard input reads from /dev/null afterwards and standard output goes where standard error goes, so
 * that neither console.log, nor native code, nor a child of this process gets into the channel.
 *
 * Throws RpcError UNAVAILABLE (UNREACHABLE) when they are no pipes.
 */
export function adoptEnds(native: NativeAddon, address: Address, input: number, output: number): PipeEnds {
  check(address, input, READ);
  check(address, output, WRITE);
  const taken: Adopted[] = [];
  try {
    taken.push(adopt(native, input, READ), adopt(native, output, WRITE));
  } catch (error) {
    for (const { fd } of taken) fd.close();
    throw error;
  }
  for (const number of new Set([input, output])) letGo(native, number);
  return {
    input: taken[0]!.fd,
    output: taken[1]!.fd,
    peer: { address: address.url },
    onClosing: () => {
      for (const { restore } of taken) restore();
    },
  };
}

/**
 * A pipe is opened anew, so that its being non-blocking is nobody else's matter. What cannot be opened anew (a socket; a
 * pipe of another user) shares its flags with whoever else has it: they are given back in the end.
 */
function adopt(native: NativeAddon, number: number, access: Access): Adopted {
  try {
    return { fd: native.reopenFd(number, access), restore: () => undefined };
  } catch {
    const fd = native.adoptFd(number);
    const before = native.setNonBlocking(fd, true);
    return { fd, restore: () => void native.setNonBlocking(fd, before) };
  }
}

function letGo(native: NativeAddon, number: number): void {
  if (number === 1) {
    native.redirectFd(2, 1);
  } else if (number === 0) {
    const nothing = openSync('/dev/null', 'r');
    native.redirectFd(nothing, 0);
    closeSync(nothing);
  } else {
    closeSync(number);
  }
}

function check(address: Address, number: number, access: Access): void {
  const why = problem(number, access);
  if (why === undefined) return;
  throw new RpcError('UNAVAILABLE', `cannot use ${address.url}: ${why}`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
  });
}

function problem(number: number, access: Access): string | undefined {
  const name = ['standard input', 'standard output'][number] ?? `descriptor ${number}`;
  let stat: Stats;
  try {
    stat = fstatSync(number);
  } catch {
    return `${name} is not open: this process was not started with a pipe there, or has used it already. spawnWithPipes starts a program with pipes`;
  }
  if (stat.isSocket()) return undefined;
  if (!stat.isFIFO()) {
    const what = stat.isCharacterDevice() ? 'a terminal or another device' : describeFile(stat);
    return `${name} is ${what}, not a pipe. spawnWithPipes starts a program with pipes`;
  }
  const mode = accessOf(number);
  if (mode === undefined || mode === 2 || mode === access) return undefined;
  return `${name} is the end of a pipe to ${mode === READ ? 'read from' : 'write to'}; the first of the two is read from, the second is written to`;
}

/** 0 to read, 1 to write, 2 for both. Source: proc_pid_fdinfo(5). */
function accessOf(number: number): number | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1'));
    return flags === null ? undefined : Number.parseInt(flags[1]!, 8) & 3;
  } catch {
    return undefined;
  }
}
