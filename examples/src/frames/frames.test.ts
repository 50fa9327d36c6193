import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
let darkroom: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-frames-'));
});
afterEach(() => {
  darkroom?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const program = (name: string) => fileURLToPath(new URL(`${name}.js`, import.meta.url));

test.each(['shm', 'unix'])('the camera gets the negatives of its pictures, over %s:', async (scheme) => {
  const url = `${scheme}:${join(folder, 'darkroom')}`;
  const child = spawn(process.execPath, [program('darkroom'), url], { stdio: ['ignore', 'pipe', 'inherit'] });
  darkroom = child;
  await once(child.stdout, 'data');
  const { stdout } = await promisify(execFile)(process.execPath, [program('camera'), url], { timeout: 20_000 });
  expect(stdout).toBe('shot 1: 50 became 205\nshot 2: 100 became 155\nshot 3: 150 became 105\n');
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
});
