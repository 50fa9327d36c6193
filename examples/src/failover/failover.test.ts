import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let dir: string;
let children: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'failover-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(dir, { recursive: true, force: true });
});

interface Program {
  readonly child: ChildProcess;
  /** What it has printed that no test has looked for yet. */
  readonly lines: string[];
}

/** Starts one of the programs; bare names are met in private. */
function start(program: string, ...args: string[]): Program {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], {
    cwd: dir,
    env: { ...process.env, XDG_RUNTIME_DIR: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 25_000,
    killSignal: 'SIGKILL',
  });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return { child, lines };
}

/** Resolves when the program prints that, after what was looked for before. */
async function printed({ lines }: Program, words: string): Promise<void> {
  await vi.waitFor(() => {
    const at = lines.findIndex((line) => line.includes(words));
    expect(at, `expected "${words}"`).not.toBe(-1);
    lines.splice(0, at + 1);
  }, 15_000);
}

async function serve(url: string): Promise<Program> {
  const server = start('server', url);
  await printed(server, 'Listening');
  return server;
}

async function kill({ child }: Program): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test('a client of two servers goes on while one, the other, and both are killed and started again', async () => {
  const first = await serve('unix:oracle-1');
  const second = await serve('unix:oracle-2');
  const client = start('ask');
  await printed(client, 'oracle-1 says yes');
  await printed(client, 'oracle-2 says yes');

  await kill(first);
  await printed(client, 'oracle-2 says yes');
  const again = await serve('unix:oracle-1');
  await printed(client, 'oracle-1 says yes');
  await kill(second);
  await kill(again);
  await printed(client, '(transient-failure)');
  await serve('unix:oracle-2');
  await printed(client, 'oracle-2 says yes');

  const ended = once(client.child, 'exit');
  client.child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});
