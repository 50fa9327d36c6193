/** Files of a folder, and which of them this process has open. */
import { openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Handle, handleOf } from '../../index.js';

/** A new file, open; in it is `in <name>`. */
export function openFile(folder: string, name: string): Handle {
  writeFileSync(join(folder, name), `in ${name}`);
  return handleOf(openSync(join(folder, name), 'r'));
}

/** What is in open files, which are closed. */
export function readAll(handles: Iterable<Handle | undefined>): string {
  const texts = [...handles].map((handle) => {
    if (handle === undefined) return 'no file';
    using open = handle;
    return readFileSync(open.value, 'utf8');
  });
  return texts.join(', ');
}

/** Names of files below `folder` that a process has open, once for each time. */
export function openFiles(folder: string, process: number | 'self' = 'self'): string[] {
  const links = readdirSync(`/proc/${process}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${process}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith(`${folder}/`)).map((link) => link.slice(folder.length + 1));
}
