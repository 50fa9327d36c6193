import { spawnSync } from 'node:child_process';
import { parseAddress } from '@callgate/core/transport';
import { createSharedMemory, keyOf, loadAddon } from '@callgate/native';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ASKED, BELL_AT, MEMORY, OWNER, STATE, slotAt } from './layout.js';
import { writeStart } from './process.js';
import {
  connect,
  echo,
  leftovers,
  newUrl,
  noneLeft,
  program,
  type Scheme,
  serveEcho,
  small,
  transports,
} from './testing/stage.js';

const addon = loadAddon();
let before: string[];

beforeEach(() => {
  before = leftovers();
});

afterEach(() => noneLeft(before));

const nameIn = (url: string): string => url.slice(url.indexOf(':') + 1);

/** What another server and its client say where the system is like this. */
function within(script: string, url: string, options: object = {}) {
  const { stdout, stderr } = spawnSync(
    'unshare',
    [
      '--user',
      '--map-root-user',
      '--ipc',
      '--mount',
      'sh',
      '-c',
      `${script} && exec "$@"`,
      'sh',
      process.execPath,
      program,
      'both',
      url,
      JSON.stringify(options),
    ],
    { encoding: 'utf8', timeout: 20_000 },
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe.each(Object.entries(transports))('%s:', (name, transport) => {
  const scheme = name as Scheme;

  test('who asks for nonsense is refused, told why, and disturbs nobody', async () => {
    const url = newUrl(scheme);
    const errors: string[] = [];
    const listener = await transport.listen(
      parseAddress(url),
      small,
      (link) => void serveEcho(link),
      (error) => void errors.push(error.message),
    );
    const place = scheme === 'shm+posix' ? posixPlace(url) : sysvPlace(url);
    const words = new Int32Array(place.buffer);
    const at = slotAt(3);
    words[at + OWNER] = process.pid;
    writeStart(words, at + 2);
    [words[at + MEMORY], words[at + MEMORY + 1]] = [123_456_789, -5];
    Atomics.store(words, at + STATE, ASKED);
    place.ring();
    await expect.poll(() => errors.length).toBe(1);
    expect(errors[0]).toContain(`cannot welcome a peer at ${url}`);
    const link = await connect(transport, url);
    expect(await echo(link, 'still here')).toBe('still here');
    await link.close();
    words[at + STATE] = 0;
    words[at + OWNER] = 0;
    place.close();
    await listener.close();
  });

  test('a peer that says its memory is smaller than it should be is refused', async () => {
    const url = newUrl(scheme);
    const errors: string[] = [];
    const listener = await transport.listen(
      parseAddress(url),
      small,
      () => undefined,
      (error) => void errors.push(error.message),
    );
    const place = scheme === 'shm+posix' ? posixPlace(url) : sysvPlace(url);
    const words = new Int32Array(place.buffer);
    const at = slotAt(0);
    words[at + OWNER] = process.pid;
    writeStart(words, at + 2);
    const memory =
      scheme === 'shm+posix'
        ? createSharedMemory({ kind: 'posix', name: `callgate-${nameIn(url)}+77`, bytes: 4096 })
        : createSharedMemory({ kind: 'system-v', name: `test-${process.pid}-small`, bytes: 4096 });
    [words[at + MEMORY], words[at + MEMORY + 1]] = [memory.id ?? 77, 0];
    Atomics.store(words, at + STATE, ASKED);
    place.ring();
    await expect.poll(() => errors).toEqual([expect.stringMatching(/has 4096 bytes[;,] expected/)]);
    memory.unlink();
    memory.close();
    words[at + STATE] = 0;
    words[at + OWNER] = 0;
    place.close();
    await listener.close();
  });

  test('what is at the address and was not made by Callgate is left as it is, and told from a server', async () => {
    const url = newUrl(scheme);
    const stranger =
      scheme === 'shm+posix'
        ? createSharedMemory({ kind: 'posix', name: `callgate-${nameIn(url)}`, bytes: 12_288 })
        : createSharedMemory({ kind: 'system-v', name: `callgate:${nameIn(url)}`, bytes: 12_288 });
    new Int32Array(stranger.buffer).fill(7);
    await expect(transport.listen(parseAddress(url), small, () => undefined)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'ADDRESS_IN_USE',
      message: expect.stringMatching(/of 12288 bytes that was not made by Callgate.*left as it is/),
    });
    expect(new Int32Array(stranger.buffer)[5]).toBe(7);
    stranger.unlink();
    stranger.close();
    if (scheme === 'shm+sysv')
      addon.removeSysvSemaphores(addon.getSysvSemaphores(keyOf({ name: `callgate:${nameIn(url)}` }), 0, 0, 0, 0));
  });

  test('a server of another user may not be called, and the error says whose it is', async () => {
    const url = newUrl(scheme);
    const listener = await transport.listen(parseAddress(url), small, () => undefined);
    const { stdout } = spawnSync(
      'setpriv',
      ['--reuid', '65534', '--clear-groups', process.execPath, program, 'both', url],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(stdout).server).toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'NOT_ALLOWED',
      message: expect.stringMatching(/uid 0.* mode 0600; this process has uid 65534/),
    });
    await listener.close();
  });

  test('wrong addresses are refused with what was expected', () => {
    for (const path of scheme === 'shm+posix'
      ? ['a/b', 'x'.repeat(201), 'ä']
      : ['0', '0x1ffffffff', 'x'.repeat(2000)]) {
      expect(() => transport.connectSync(parseAddress(`${scheme}:${path}`), small, 0)).toThrow(
        /^bad address .* expected/,
      );
    }
  });
});

test('shm+posix: a full /dev/shm is an error that says how much is needed, how much is free, and where', () => {
  const full = within('mount -t tmpfs -o size=256k tmpfs /dev/shm', newUrl('shm+posix'), { ringBytes: 1_048_576 });
  expect(full.server).toBeNull();
  expect(full.client).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'NO_SPACE',
    message: expect.stringMatching(/2101248 bytes are needed and \d+ are free in \/dev\/shm/),
  });
});

test('shm+sysv: says which limit is reached, to the side that reaches it', () => {
  const none = within('echo "32000 1024000000 500 0" > /proc/sys/kernel/sem', newUrl('shm+sysv'));
  expect(none.server).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    message: expect.stringContaining('all 0 sets that the system allows (semmni of kernel.sem)'),
  });
  const one = within('echo "32000 1024000000 500 1" > /proc/sys/kernel/sem', newUrl('shm+sysv'));
  expect(one.server).toBeNull();
  expect(one.client).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    message: expect.stringContaining('all 1 sets that the system allows'),
  });
  const segments = within('echo 1 > /proc/sys/kernel/shmmni', newUrl('shm+sysv'));
  expect(segments.client).toMatchObject({
    message: expect.stringContaining('all 1 segments that the system allows (kernel.shmmni)'),
  });
});

test('shm+sysv: a number is a key, in decimal or hexadecimal', async () => {
  const key = 0x4b000000 + (process.pid & 0xffff);
  const { 'shm+sysv': transport } = transports;
  const listener = await transport.listen(parseAddress(`shm+sysv:${key}`), small, (link) => void serveEcho(link));
  expect(addon.statSysvMemory(addon.getSysvMemory(key, 0, 0, 0))).toMatchObject({
    creatorPid: process.pid,
    mode: 0o600,
  });
  const link = await connect(transport, `shm+sysv:0x${key.toString(16)}`);
  expect(await echo(link, 'found')).toBe('found');
  await link.close();
  await listener.close();
});

interface RawPlace {
  readonly buffer: ArrayBuffer;
  ring(): void;
  close(): void;
}

function posixPlace(url: string): RawPlace {
  const fd = addon.openPosixMemory(`/callgate-${nameIn(url)}`);
  const mapping = addon.mapShared(fd, addon.fdBytes(fd));
  const bell = addon.createPosixBell(fd, BELL_AT, 0, false, null);
  return {
    buffer: mapping.buffer,
    ring: () => bell.ring(),
    close: () => {
      for (const part of [bell, mapping, fd]) part.close();
    },
  };
}

function sysvPlace(url: string): RawPlace {
  const key = keyOf({ name: `callgate:${nameIn(url)}` });
  const id = addon.getSysvMemory(key, 0, 0, 0);
  const mapping = addon.attachSysvMemory(id);
  const bell = addon.createSysvBell(id, BELL_AT, 0, addon.getSysvSemaphores(key, 0, 0, 0, 0), null);
  return {
    buffer: mapping.buffer,
    ring: () => bell.ring(),
    close: () => {
      for (const part of [bell, mapping]) part.close();
    },
  };
}
