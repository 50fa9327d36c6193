import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';

/** A fresh folder that is removed at the end of the block. */
export function scratchFolder(): Disposable & { readonly path: string; file(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'callgate-native-'));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface SocketPair extends Disposable {
  readonly listener: Fd;
  readonly client: Fd;
  readonly server: Fd;
}

/** A connected pair in this process. */
export function socketPair(): SocketPair {
  const addon = loadAddon();
  using folder = scratchFolder();
  const listener = addon.listenUnix(folder.file('s'), 0o600, 4);
  const client = addon.connectUnix(folder.file('s'), 0);
  const server = addon.acceptUnix(listener)!;
  return {
    listener,
    client,
    server,
    [Symbol.dispose]: () => {
      for (const fd of [listener, client, server]) fd.close();
    },
  };
}

/** What a function throws. */
export function thrownBy(action: () => unknown): NodeJS.ErrnoException {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('nothing was thrown');
}
