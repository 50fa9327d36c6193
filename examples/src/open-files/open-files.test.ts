import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
let server: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-open-files-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const program = (name: string) => fileURLToPath(new URL(`${name}.js`, import.meta.url));

async function start(name: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program(name), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  server = child;
  await once(child.stdout, 'data');
  return child;
}

async function run(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program(name), ...args], { timeout: 20_000 });
  return stdout;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
}

test.each(['unix', 'shm'])('a client reads the log that the server has opened, over %s:', async (scheme) => {
  const url = `${scheme}:${join(folder, 'journal')}`;
  const journal = await start('journal', url, join(folder, 'journal.log'));
  expect(await run('read', url)).toMatch(/^The journal is open\.\nProcess \d+ looked at it\.\n$/);
  await stop(journal);
});

test.each(['unix', 'shm'])('a process accepts at a socket that another one opened, over %s:', async (scheme) => {
  const url = `${scheme}:${join(folder, 'shop')}`;
  const shop = await start('shop', url);
  expect(await run('doorkeeper', url)).toBe(
    `Process ${shop.pid} has the door now; here it is -1.\nWelcome! Process ${shop.pid} serves you.\n`,
  );
  await stop(shop);
});
