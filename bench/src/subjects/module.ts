import { readdirSync } from 'node:fs';
import type { Subject } from '../subject.js';

/**
 * The URL of the module of this folder that exports a subject. The processes of a cell load that one, so that no
 * subject's start or memory is another's.
 */
export async function moduleOf(subject: Subject): Promise<string> {
  const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.js'));
  for (const file of files) {
    if (file === 'index.js' || file === 'module.js' || file.endsWith('.test.js')) continue;
    const { href } = new URL(file, import.meta.url);
    if ((await exportsOf(href)).includes(subject)) return href;
  }
  throw new Error(`no module of bench/src/subjects exports ${subject.name}`);
}

/** What a module from `moduleOf` exports by a name. */
export async function loadSubject(module: string, name: string): Promise<Subject> {
  const found = (await exportsOf(module)).find((one) => (one as Subject | undefined)?.name === name);
  if (found === undefined) throw new Error(`${module} has no subject ${name}`);
  return found as Subject;
}

async function exportsOf(module: string): Promise<unknown[]> {
  return Object.values((await import(module)) as object).flat();
}
