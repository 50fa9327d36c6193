// Reads and runs the code of Markdown files, for the tests that hold the READMEs to their word.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Nothing that a README shows takes longer, in ms; what hangs is killed. */
const LONGEST_MS = 20_000;

/**
 * @typedef {object} Block
 * @property {string} language
 * @property {string | undefined} file The last path in backticks on the line before the block.
 * @property {string} code
 */

/**
 * The fenced code of a Markdown file, in order.
 * @param {string} path From the root of the repository.
 * @returns {Block[]}
 */
export function blocksOf(path) {
  const blocks = [];
  let before = '';
  let open;
  for (const line of readFileSync(join(root, path), 'utf8').split('\n')) {
    if (open !== undefined && line === '```') {
      blocks.push(open);
      open = undefined;
    } else if (open !== undefined) {
      open.code += `${line}\n`;
    } else if (line.startsWith('```')) {
      const file = [...before.matchAll(/`([\w./-]+\.(?:proto|ts|yaml))`/g)].at(-1)?.[1];
      open = { language: line.slice(3), file, code: '' };
    } else if (line !== '') {
      before = line;
    }
  }
  return blocks;
}

/**
 * A fresh folder in which programs find packages as if npm had installed them there.
 * @param {Record<string, string>} links What `node_modules` has: paths from the root of the repository by name.
 * @returns {{ path: string, write(file: string, content: string): void, remove(): void }}
 */
export function projectWith(links) {
  const path = mkdtempSync(join(tmpdir(), 'callgate-readme-'));
  for (const [name, target] of Object.entries(links)) {
    const link = join(path, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, target), link);
  }
  return {
    path,
    write(file, content) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), content);
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** This process's environment without what would configure Callgate; bare names are met in `dir`. */
function environmentIn(dir, more) {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('CALLGATE_'));
  return { ...Object.fromEntries(clean), XDG_RUNTIME_DIR: dir, ...more };
}

/**
 * Starts a program in a folder; it is killed when it takes too long.
 * @returns {{ child: import('node:child_process').ChildProcess, ended: Promise<number | string | null> }}
 */
export function start(command, args, dir, env = {}) {
  const child = spawn(command, args, {
    cwd: dir,
    env: environmentIn(dir, env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  return { child, ended };
}

/** Runs a program in a folder to its end. */
export async function run(command, args, dir, env = {}) {
  const { child, ended } = start(command, args, dir, env);
  const [status, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, stdout, stderr };
}
