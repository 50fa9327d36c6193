import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { leftoversOf } from '@callgate/bench';
import { afterEach, beforeEach, expect, test } from 'vitest';

const sample = readFileSync(new URL('../../callgate.yaml', import.meta.url), 'utf8');
let dir: string;
let children: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quickstart-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Starts one of the programs where `callgate.yaml` says what the test wants, and bare names are met in private. */
function start(program: string) {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    cwd: dir,
    env: { ...process.env, XDG_RUNTIME_DIR: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  children.push(child);
  return { child, ended: once(child, 'exit'), out: child.stdout };
}

async function outputOf(program: string): Promise<string> {
  const { out, ended } = start(program);
  const printed = await text(out);
  expect(await ended).toEqual([0, null]);
  return printed;
}

for (const url of ['shm:greeter', 'unix:greeter']) {
  test(`the programs of the quick start greet over ${url}, and only the configuration says so`, async () => {
    const config = sample.replace(/url: \S+/, `url: ${url}`);
    expect(config).toContain(`url: ${url}`);
    writeFileSync(join(dir, 'callgate.yaml'), config);

    const server = start('server');
    const [line] = (await once(server.out, 'data')) as [Buffer];
    expect(String(line)).toBe(`Greeting at ${url}\n`);
    expect(await outputOf('call')).toBe('Hello, Ada!\n');
    expect(await outputOf('call-blocking')).toBe('Hello, Grace!\n');
    server.child.kill('SIGTERM');
    expect(await server.ended).toEqual([0, null]);
    expect(leftoversOf(dir)).toEqual(['file callgate.yaml']);
  });
}
