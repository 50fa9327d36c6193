/** Descriptors that can be rung and waited for, for tests that need just any descriptor. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';

const addon = loadAddon();
const few = new Uint8Array(64);

/** Readable once it was rung: a fifo open both ways, whose name is gone already. */
export function createBell(): Fd {
  const folder = mkdtempSync(join(tmpdir(), 'callgate-bell-'));
  try {
    addon.makeFifo(join(folder, 'bell'), 0o600);
    return addon.openFifo(join(folder, 'bell'), 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function ringBell(bell: Fd): void {
  addon.write(bell, few, 0, 1);
}

/** True if it was rung since. */
export function drainBell(bell: Fd): boolean {
  return addon.read(bell, few, 0, few.length) > 0;
}
