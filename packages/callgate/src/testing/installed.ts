import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface InstalledFolder extends Disposable {
  readonly path: string;
}

/** A fresh folder in which programs find the package `callgate` as if npm had installed it there. */
export function installedFolder(): InstalledFolder {
  const path = mkdtempSync(join(tmpdir(), 'callgate-installed-'));
  mkdirSync(join(path, 'node_modules'));
  symlinkSync(fileURLToPath(new URL('../..', import.meta.url)), join(path, 'node_modules', 'callgate'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
