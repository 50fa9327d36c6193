import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LinkEnd, parseAddress } from '@callgate/core/transport';
import { keyOf } from '@callgate/native';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { leftovers, newUrl, noneLeft, type Scheme, serveEcho, small, start, transports } from './testing/stage.js';

const source = fileURLToPath(new URL('../../src/named/testing/peer.c', import.meta.url));
let folder: string;
let program: string;
let before: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-peer-'));
  program = join(folder, 'peer');
  const { stderr } = spawnSync(
    'cc',
    ['-O1', '-Wall', '-Wno-unused-result', '-pthread', '-o', program, source, '-lrt'],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  before = leftovers();
});

afterEach(() => noneLeft(before));

test.each(Object.entries(transports))(
  '%s: a client in C meets a server here, posts its semaphore, and is waited for',
  async (scheme, transport) => {
    const url = newUrl(scheme as Scheme);
    const name = url.slice(scheme.length + 1);
    let ended: Promise<LinkEnd> | undefined;
    let pid: number | undefined;
    const listener = await transport.listen(parseAddress(url), small, (link) => {
      ended = link.closed;
      pid = link.peer.credentials?.pid;
      void serveEcho(link);
    });
    const kind = scheme === 'shm+posix' ? ['posix', name] : ['sysv', String(keyOf({ name: `callgate:${name}` }))];
    const peer = start(program, ...kind, 'hello from C');
    expect(await peer.line()).toBe('hello from C');
    expect(pid).toBe(peer.child.pid);
    expect((await ended)?.error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
    await listener.close();
  },
);
