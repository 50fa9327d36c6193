import { closeSync, fstatSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Fd } from './addon.js';
import { loadAddon } from './load.js';
import { createBell, drainBell, ringBell } from './testing/bells.js';
import { type Child, startChild } from './testing/child.js';
import { descriptorFlags, O_CLOEXEC, openDescriptors } from './testing/proc.js';
import { scratchFolder, socketPair, thrownBy } from './testing/sockets.js';

const addon = loadAddon();

/** Starts a program that connects to a fresh listener, and accepts it. */
async function withPeer(
  start: (path: string) => Child,
  body: (socket: Fd, child: Child) => Promise<void>,
): Promise<void> {
  using folder = scratchFolder();
  const listener = addon.listenUnix(folder.file('s'), 0o600, 1);
  const child = start(folder.file('s'));
  try {
    expect(await child.line()).toBe('connected');
    const socket = addon.acceptUnix(listener)!;
    await body(socket, child);
    socket.close();
  } finally {
    child.kill('SIGKILL');
    await child.ended;
    listener.close();
  }
}

const node = (role: string) => (path: string) => startChild('passing.child', [role, path]);
const python = (program: string) => (path: string) => startChild('-c', [program, path], { command: 'python3' });

test('memory passed to another process is the same memory there', () =>
  withPeer(node('memory'), async (socket, child) => {
    const memory = addon.createMemfd('passed', 4096);
    const mapping = addon.mapMemfd(memory, 4096);
    const words = new Int32Array(mapping.buffer);
    Atomics.store(words, 0, 20);
    expect(addon.sendWithFds(socket, Uint8Array.of(1), 0, 1, [memory])).toBe(1);
    memory.close();
    expect(await child.line()).toBe('added');
    expect(Atomics.load(words, 0)).toBe(42);
    mapping.close();
  }));

test('a bell rung in one process wakes a poll in another', () =>
  withPeer(node('bell'), async (socket, child) => {
    const there = createBell();
    const back = createBell();
    addon.sendWithFds(socket, Uint8Array.of(1), 0, 1, [there, back]);
    expect(await child.line()).toBe('waiting');
    ringBell(there);
    expect(await child.line()).toBe('woken by 1');
    expect(drainBell(back)).toBe(true);
    there.close();
    back.close();
  }));

test('a Python process receives a descriptor and reads what is behind it', () =>
  withPeer(
    python(`
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('connected', flush=True)
data, ancillary, flags, _ = s.recvmsg(16, socket.CMSG_SPACE(8 * 4))
fds = array.array('i')
for level, kind, content in ancillary:
    assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
print(data.decode(), len(fds), os.pread(fds[0], 16, 100).decode(), flush=True)
s.recv(1)
`),
    async (socket, child) => {
      const memory = addon.createMemfd('python', 4096);
      const mapping = addon.mapMemfd(memory, 4096);
      Buffer.from(mapping.buffer).write('hello from Node!', 100);
      const bytes = Buffer.from('<bytes>');
      expect(addon.sendWithFds(socket, bytes, 1, 6, [memory, memory])).toBe(5);
      expect(await child.line()).toBe('bytes 2 hello from Node!');
      mapping.close();
      memory.close();
    },
  ));

test('memory that its maker could still shrink or grow is not mapped', () =>
  withPeer(
    python(`
import array, fcntl, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('connected', flush=True)
fds = [os.memfd_create('unsealable'), os.memfd_create('unsealed', 2), os.memfd_create('half', 2), os.memfd_create('read', 2)]
for fd in fds: os.ftruncate(fd, 4096)
fcntl.fcntl(fds[2], 1033, 2)
fcntl.fcntl(fds[3], 1033, 2 | 4 | 8)
s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))])
print('sent', flush=True)
s.recv(1)
`),
    async (socket, child) => {
      expect(await child.line()).toBe('sent');
      const fds: Fd[] = [];
      addon.receiveWithFds(socket, new Uint8Array(8), 0, 8, fds, 8);
      expect(fds.map((fd) => addon.fdBytes(fd))).toEqual([4096, 4096, 4096, 4096]);
      const unsealed = 'mmap: EPERM (the memfd is not sealed against shrinking and growing)';
      expect(fds.map((fd) => thrownBy(() => addon.mapMemfd(fd, 4096)).message)).toEqual([
        unsealed,
        unsealed,
        unsealed,
        'mmap: EPERM (operation not permitted)',
      ]);
      for (const fd of fds) fd.close();
    },
  ));

test('surplus descriptors are closed, and those taken are appended, close-on-exec', () => {
  using pair = socketPair();
  const bell = createBell();
  const before = openDescriptors().size;
  const into: Fd[] = [bell];
  addon.sendWithFds(pair.client, Uint8Array.of(1, 2), 0, 2, [bell, bell, bell, bell, bell]);
  expect(addon.receiveWithFds(pair.server, new Uint8Array(8), 0, 8, into, 2)).toBe(2);
  expect(into.length).toBe(3);
  expect(openDescriptors().size).toBe(before + 2);
  expect(into.map((fd) => descriptorFlags(fd.value) & O_CLOEXEC)).toEqual([O_CLOEXEC, O_CLOEXEC, O_CLOEXEC]);
  ringBell(into[2]!);
  expect(drainBell(bell)).toBe(true);
  addon.sendWithFds(pair.client, Uint8Array.of(1), 0, 1, [bell, bell]);
  expect(addon.receiveWithFds(pair.server, new Uint8Array(8), 0, 8, into, 0)).toBe(1);
  expect(openDescriptors().size).toBe(before + 2);
  for (const fd of into) fd.close();
});

test('as many descriptors as can travel do travel, and bytes alone travel too', () => {
  using pair = socketPair();
  const bell = createBell();
  const into: Fd[] = [];
  const bytes = new Uint8Array(8);
  expect(addon.receiveWithFds(pair.server, bytes, 0, 8, into, 8)).toBe(-1);
  addon.sendWithFds(pair.client, bytes, 0, 8, new Array(253).fill(bell));
  expect(addon.receiveWithFds(pair.server, bytes, 0, 8, into, 253)).toBe(8);
  expect(into.length).toBe(253);
  for (const fd of into) fd.close();
  addon.sendWithFds(pair.client, bytes, 0, 8, []);
  expect(addon.receiveWithFds(pair.server, bytes, 0, 8, [], 8)).toBe(8);
  pair.client.close();
  expect(addon.receiveWithFds(pair.server, bytes, 0, 8, [], 8)).toBe(0);
  bell.close();
});

test('a closed descriptor among those to send is refused, and nothing is sent', () => {
  using pair = socketPair();
  const open = createBell();
  const closed = createBell();
  closed.close();
  const bytes = new Uint8Array(1);
  expect(thrownBy(() => addon.sendWithFds(pair.client, bytes, 0, 1, [open, closed])).code).toBe('EBADF');
  expect(addon.read(pair.server, bytes, 0, 1)).toBe(-1);
  open.close();
});

test('a descriptor travels by its number too, and an unknown number is refused', () => {
  using pair = socketPair();
  const bell = createBell();
  const into: Fd[] = [];
  const bytes = new Uint8Array(8);
  expect(addon.sendWithFds(pair.client, bytes, 0, 1, [bell.value])).toBe(1);
  expect(addon.receiveWithFds(pair.server, bytes, 0, 8, into, 8)).toBe(1);
  ringBell(into[0]!);
  expect(drainBell(bell)).toBe(true);
  into[0]![Symbol.dispose]();
  expect(into[0]!.value).toBe(-1);
  expect(thrownBy(() => addon.sendWithFds(pair.client, bytes, 0, 1, [1_000_000])).code).toBe('EBADF');
  bell.close();
});

test('a detached descriptor stays open, and is whose who detached it', () => {
  const bell = createBell();
  addon.createWatcher(bell, () => undefined).watch(1);
  const number = bell.detach();
  expect([bell.value, bell.detach()]).toEqual([-1, -1]);
  bell.close();
  expect(fstatSync(number).isFile()).toBe(false);
  closeSync(number);
  expect(thrownBy(() => ringBell(bell)).code).toBe('EBADF');
});

test('a process that may open no more files is told that descriptors were lost', () =>
  withPeer(node('crowded'), async (socket, child) => {
    const bell = createBell();
    addon.sendWithFds(socket, Uint8Array.of(1), 0, 1, [bell, bell, bell]);
    expect(await child.line()).toBe('recvmsg: EMFILE (more descriptors arrived than this process may open)');
    bell.close();
  }));

test('received pipes and files are read and written like sockets, and a broken pipe is an error', () =>
  withPeer(
    python(`
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('connected', flush=True)
r, w = os.pipe(); os.set_blocking(r, False); os.set_blocking(w, False)
s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [r, w]))])
os.close(r); os.close(w)
print('sent', flush=True)
s.recv(1)
`),
    async (socket, child) => {
      expect(await child.line()).toBe('sent');
      const fds: Fd[] = [];
      const bytes = Uint8Array.of(1, 2, 3);
      addon.receiveWithFds(socket, new Uint8Array(8), 0, 8, fds, 8);
      const [reader, writer] = fds as [Fd, Fd];
      expect(addon.read(reader, bytes, 0, 3)).toBe(-1);
      expect(addon.write(writer, bytes, 0, 3)).toBe(3);
      expect(addon.read(reader, bytes, 0, 3)).toBe(3);
      reader.close();
      expect(thrownBy(() => addon.write(writer, bytes, 0, 3)).code).toBe('EPIPE');
      writer.close();
    },
  ));
