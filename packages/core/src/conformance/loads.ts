/** Numbered messages that bring numbered handles, which are files without a name any more. */
import assert from 'node:assert/strict';
import { openSync, readdirSync, readlinkSync, readSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Handle, Link } from '../transport/contract.js';
import { handleOf } from '../transport/handle.js';
import { check, claim, commit, describeEnd, next } from './traffic.js';

/** A message of `size` bytes and its handles' numbers. */
export interface Load {
  readonly size: number;
  readonly handles: readonly number[];
}

const PREFIX = 'callgate-handle-';

/** Handle number `n`. */
export function open(scratch: string, n: number): Handle {
  const path = join(scratch, `${PREFIX}${process.pid}-${n}`);
  writeFileSync(path, `handle ${n}`);
  const handle = handleOf(openSync(path, 'r'));
  unlinkSync(path);
  return handle;
}

/** Which handle it is. */
export function read(handle: Handle): string {
  const bytes = Buffer.alloc(64);
  return bytes.toString('latin1', 0, readSync(handle.value, bytes, 0, 64, 0));
}

/** How many of these files of one folder this process has open. */
export function countOpen(scratch: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(scratch, PREFIX));
    } catch {
      return false; // The descriptor by which the folder itself was read.
    }
  }).length;
}

/** Sends messages 0, 1 …, and flushes only at the end, or where the link is full. */
export async function sendLoads(
  link: Link,
  scratch: string,
  loads: readonly Load[],
  patienceMs: number,
): Promise<void> {
  for (const [index, { size, handles }] of loads.entries()) {
    const span = await claim(link, size, patienceMs);
    const opened = handles.map((n) => open(scratch, n));
    commit(link, span, index, size, opened);
    for (const handle of opened) assert.equal(handle.value, -1, 'a committed handle is still the caller’s');
  }
  link.flush();
}

export async function expectLoads(link: Link, loads: readonly Load[], patienceMs: number): Promise<void> {
  for (const [index, { size, handles }] of loads.entries()) {
    const span = await next(link, patienceMs);
    assert.ok(span !== null, `the end came before message ${index}: ${describeEnd(link.end)}`);
    check(span, index, size);
    const taken = link.takeHandles();
    const wanted = handles.map((n) => `handle ${n}`);
    assert.deepEqual(taken.map(read), wanted, `the handles of message ${index}`);
    for (const handle of taken) handle.close();
    link.release();
  }
}
