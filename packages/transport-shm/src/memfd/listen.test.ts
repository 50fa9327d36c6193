import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress } from '@callgate/core/transport';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requireAddon } from '../addon.js';
import { shmTransport } from './transport.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-shm-listen-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function openSockets(): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  });
}

test('A listener that closes keeps no descriptor of who knocked and went again before it was let in, and turns away who waits behind.', async () => {
  const before = openSockets();
  const path = join(folder, 'desk');
  const listener = await shmTransport.listen(parseAddress(`shm:${path}`), {}, (link) => link.abort());
  const addon = requireAddon('shm');
  addon.connectUnix(path, 0).close();
  const waiting = addon.connectUnix(path, 0);
  await listener.close();
  const told = Buffer.alloc(256);
  expect(told.toString('utf8', 0, addon.read(waiting, told, 0, told.length))).toContain('has just stopped listening');
  expect(addon.read(waiting, told, 0, told.length)).toBe(0);
  waiting.close();
  expect(openSockets()).toEqual(before);
});
