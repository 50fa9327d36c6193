import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface InstalledFolder extends Disposable {
  readonly path: string;
}

const home = fileURLToPath(new URL('../..', import.meta.url));

/** A fresh folder in which programs find the package `callgate` as if npm had installed it there. */
export function installedFolder(): InstalledFolder {
  const path = mkdtempSync(join(tmpdir(), 'callgate-installed-'));
  mkdirSync(join(path, 'node_modules'));
  symlinkSync(home, join(path, 'node_modules', 'callgate'));
  // What programs that use streams install beside it.
  symlinkSync(join(home, 'node_modules', 'rxjs'), join(path, 'node_modules', 'rxjs'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The same with `@callgate/<missing>` left out: a copy of the package, beside links to what else it depends on. */
export function installedWithout(missing: string): InstalledFolder {
  const path = mkdtempSync(join(tmpdir(), 'callgate-installed-'));
  const modules = join(path, 'node_modules');
  mkdirSync(join(modules, '@callgate'), { recursive: true });
  const copy = join(modules, 'callgate');
  mkdirSync(copy);
  for (const part of ['dist', 'bin', 'package.json']) cpSync(join(home, part), join(copy, part), { recursive: true });
  const dependencies = (scope: string) =>
    readdirSync(join(home, 'node_modules', scope)).map((name) => join(scope, name));
  for (const name of [...dependencies('.'), ...dependencies('@callgate')]) {
    const skip = name.startsWith('.') || name === '@callgate' || name === join('@callgate', missing);
    if (!skip) symlinkSync(join(home, 'node_modules', name), join(modules, name));
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
