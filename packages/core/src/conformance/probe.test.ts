import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isForeign, isForeignObject, lookAtMachine } from './probe.js';

/** Makes and uses a segment, a semaphore set and a queue, tells their ids, and removes them when told to end. */
const program = `
import ctypes, sys
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
class Op(ctypes.Structure):
    _fields_ = [('num', ctypes.c_ushort), ('op', ctypes.c_short), ('flags', ctypes.c_short)]
shm, sem, msg = libc.shmget(0, 4096, 0o1600), libc.semget(0, 1, 0o1600), libc.msgget(0, 0o1600)
try:
    libc.semop(sem, ctypes.byref(Op(0, 1, 0)), 1)
    libc.msgsnd(msg, ctypes.byref(ctypes.c_long(1)), 0, 0)
    print(shm, sem, msg, flush=True)
    sys.stdin.read()
finally:
    libc.shmctl(shm, 0, None), libc.semctl(sem, 0, 0), libc.msgctl(msg, 0, None)
`;
let other: ReturnType<typeof spawn>;
let objects: string[];

beforeEach(async () => {
  other = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: other.stdout! }), 'line');
  const ids = String(line).split(' ');
  objects = ['shm', 'sem', 'msg'].map((kind, i) => `${kind} ${ids[i]}`);
});

afterEach(end);

async function end(): Promise<void> {
  if (other.exitCode !== null) return;
  const gone = once(other, 'exit');
  other.stdin!.end();
  await gone;
}

test('System V objects that a process has used are its own, and foreign to others', async () => {
  // A row of the kernel's tables may escape a reader while others make and remove objects.
  await expect.poll(() => lookAtMachine().systemV).toEqual(expect.arrayContaining(objects));
  const [own, others] = [new Set([process.pid, other.pid!]), new Set([process.pid])];
  await expect.poll(() => objects.map((object) => isForeignObject(object, others))).toEqual([true, true, true]);
  expect(objects.map((object) => isForeignObject(object, own))).toEqual([false, false, false]);
});

test('an object that is gone is not known to be foreign', async () => {
  await end();
  expect(objects.map((object) => isForeignObject(object, new Set()))).toEqual([false, false, false]);
});

test('an entry of /dev/shm that nobody has mapped is not foreign', () => {
  expect(isForeign('callgate-no-such-entry', new Set([process.pid]), '/tmp/callgate-conformance-abcdef')).toBe(false);
});
