import { chmodSync, existsSync, lstatSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { createBell } from './testing/bells.js';
import { runScenario, startChild } from './testing/child.js';
import { descriptorFlags, O_CLOEXEC, O_NONBLOCK } from './testing/proc.js';
import { scratchFolder, socketPair, thrownBy } from './testing/sockets.js';

const addon = loadAddon();
const S_IFSOCK = 0o140000;

test('a socket file has exactly the asked mode, and the umask stays as it was', () => {
  using folder = scratchFolder();
  const before = process.umask(0o027);
  try {
    for (const mode of [0o600, 0o660, 0o666, 0o777, 0o000]) {
      const listener = addon.listenUnix(folder.file(`m${mode}`), mode, 1);
      expect(lstatSync(folder.file(`m${mode}`)).mode).toBe(S_IFSOCK | mode);
      listener.close();
    }
    expect(process.umask()).toBe(0o027);
  } finally {
    process.umask(before);
  }
});

test('all sockets are close-on-exec and never block', () => {
  using pair = socketPair();
  for (const fd of [pair.listener, pair.client, pair.server]) {
    expect(descriptorFlags(fd.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  }
});

test('a path that exists is refused, and the file stays as it is', () => {
  using folder = scratchFolder();
  const path = folder.file('taken');
  writeFileSync(path, 'precious');
  const error = thrownBy(() => addon.listenUnix(path, 0o600, 1));
  expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', errno: -constants.errno.EADDRINUSE });
  expect(error.message).toBe(`bind ${path}: EADDRINUSE (address already in use)`);
  expect(lstatSync(path).size).toBe(8);
});

test('a path of 107 bytes works, and a longer one says the limit and its length, in bytes', () => {
  using folder = scratchFolder();
  const room = 107 - folder.path.length - 1;
  const longest = folder.file('x'.repeat(room));
  const listener = addon.listenUnix(longest, 0o600, 1);
  const client = addon.connectUnix(longest, 0);
  client.close();
  listener.close();
  const long = folder.file(`é${'x'.repeat(room - 1)}`);
  for (const action of [() => addon.listenUnix(long, 0o600, 1), () => addon.connectUnix(long, 0)]) {
    const error = thrownBy(action);
    expect(error.code).toBe('ENAMETOOLONG');
    expect(error.message).toContain(`${long}: ENAMETOOLONG (a Unix socket path can have 107 bytes, this one has 108)`);
  }
});

test('a path that is empty or contains a NUL byte is refused', () => {
  expect(thrownBy(() => addon.connectUnix('', 0)).message).toBe('connect: EINVAL (the path is empty)');
  expect(thrownBy(() => addon.connectUnix('\0abstract', 0)).message).toBe(
    'connect: EINVAL (the path contains a NUL byte)',
  );
});

test('connecting says what is wrong with the path', () => {
  using folder = scratchFolder();
  const path = folder.file('s');
  const connect = () => addon.connectUnix(path, 0);
  expect(thrownBy(connect).message).toBe(`connect ${path}: ENOENT (no such file or directory)`);
  const listener = addon.listenUnix(path, 0o600, 1);
  listener.close();
  expect(existsSync(path)).toBe(true);
  expect(thrownBy(connect).message).toBe(`connect ${path}: ECONNREFUSED (connection refused)`);
});

test('listening in a folder that is missing or not writable says so', () => {
  using folder = scratchFolder();
  expect(thrownBy(() => addon.listenUnix(folder.file('no/s'), 0o600, 1)).message).toContain('ENOENT');
  writeFileSync(folder.file('file'), '');
  expect(thrownBy(() => addon.listenUnix(folder.file('file/s'), 0o600, 1)).message).toContain('ENOTDIR');
});

test('a process without permission is told so', async () => {
  using folder = scratchFolder();
  chmodSync(folder.path, 0o755);
  const listener = addon.listenUnix(folder.file('private'), 0o600, 1);
  expect(await runScenario('socket.child', 'connect-as-nobody', { env: { PATH_TO: folder.file('private') } })).toBe(
    `connect ${folder.file('private')}: EACCES (permission denied)`,
  );
  listener.close();
});

test('accepting gives null while nobody waits', () => {
  using pair = socketPair();
  expect(addon.acceptUnix(pair.listener)).toBeNull();
});

test('bytes arrive, an empty socket gives -1, and the end gives 0', () => {
  using pair = socketPair();
  const bytes = Uint8Array.from([1, 2, 3, 4]);
  expect(addon.read(pair.server, bytes, 0, 4)).toBe(-1);
  expect(addon.write(pair.client, bytes, 0, 4)).toBe(4);
  expect(addon.unreadBytes(pair.client)).toBeGreaterThanOrEqual(4);
  expect(addon.read(pair.server, bytes, 0, 4)).toBe(4);
  expect(addon.unreadBytes(pair.client)).toBe(0);
  addon.shutdownSocket(pair.client);
  expect(addon.read(pair.server, bytes, 0, 4)).toBe(0);
});

test('a full socket gives -1 and takes more when it was read', () => {
  using pair = socketPair();
  const bytes = new Uint8Array(65536);
  let written = 0;
  for (let count = 0; count !== -1; count = addon.write(pair.client, bytes, 0, bytes.length)) written += count;
  let received = 0;
  for (let count = 0; count !== -1; count = addon.read(pair.server, bytes, 0, bytes.length)) received += count;
  expect(received).toBe(written);
  expect(addon.write(pair.client, bytes, 0, 1)).toBe(1);
});

test('writing to a peer that has gone throws EPIPE, and shutting down twice is no error', () => {
  using pair = socketPair();
  pair.server.close();
  const error = thrownBy(() => addon.write(pair.client, new Uint8Array(1), 0, 1));
  expect(error).toMatchObject({ code: 'EPIPE', syscall: 'write' });
  expect(error.message).toBe('write: EPIPE (broken pipe)');
  addon.shutdownSocket(pair.client);
  addon.shutdownSocket(pair.client);
});

test('reading from a peer that left without reading throws ECONNRESET', () => {
  using pair = socketPair();
  addon.write(pair.client, new Uint8Array(1), 0, 1);
  pair.server.close();
  expect(thrownBy(() => addon.read(pair.client, new Uint8Array(1), 0, 1)).message).toBe(
    'read: ECONNRESET (connection reset by peer)',
  );
});

test('socket functions on what is no socket say so', () => {
  const bell = createBell();
  for (const action of [addon.acceptUnix, addon.peerCredentials, addon.shutdownSocket]) {
    expect(thrownBy(() => action(bell)).code).toBe('ENOTSOCK');
  }
  expect(thrownBy(() => addon.unreadBytes(bell)).code).toBe('ENOTTY');
  bell.close();
});

test('the credentials of a peer are those of its process, on both sides', async () => {
  using folder = scratchFolder();
  const listener = addon.listenUnix(folder.file('s'), 0o600, 1);
  const child = startChild('socket.child', ['credentials'], { env: { PATH_TO: folder.file('s') } });
  const seen = JSON.parse(await child.line());
  const server = addon.acceptUnix(listener)!;
  const { uid, gid } = { uid: process.getuid!(), gid: process.getgid!() };
  expect(addon.peerCredentials(server)).toEqual({ pid: child.pid, uid, gid });
  expect(seen).toEqual({ pid: process.pid, uid, gid });
  child.write('done\n');
  await child.ended;
  server.close();
  listener.close();
});

test('connecting waits while the backlog is full, up to its timeout and not at all when that is 0', async () => {
  expect(await runScenario('socket.child', 'backlog')).toEqual({
    immediate: 'ETIMEDOUT',
    immediateWaited: false,
    finite: 'ETIMEDOUT',
    finiteWaited: true,
    text: "ETIMEDOUT (the listener's backlog is full and did not drain in time)",
  });
});

test('connecting without end goes on once the backlog drains', async () => {
  expect(await runScenario('socket.child', 'backlog-drains')).toEqual({ connected: true });
});

test('a file lock is held by one, refused to the next, and free again after close', () => {
  using folder = scratchFolder();
  const path = folder.file('lock');
  const lock = addon.lockFile(path)!;
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  expect(addon.lockFile(path)).toBeNull();
  lock.close();
  const again = addon.lockFile(path);
  expect(again).not.toBeNull();
  again!.close();
});
