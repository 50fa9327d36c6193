import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dir: string;
let children: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'callbacks-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  expect(readdirSync(dir)).toEqual([]);
  rmSync(dir, { recursive: true, force: true });
});

function start(program: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, [file, ...args], { stdio: [...stdio], timeout: 20_000 });
  children.push(child);
  return { child, ended: once(child, 'exit'), out: child.stdout! };
}

for (const scheme of ['unix', 'shm']) {
  test(`a kitchen asks its guests over ${scheme}:, hears of one who died, and says why it closes`, async () => {
    const url = `${scheme}:${join(dir, 'kitchen')}`;
    const kitchen = start('kitchen', url);
    const lines = createInterface(kitchen.out)[Symbol.asyncIterator]();
    const says = async () => (await lines.next()).value;
    expect(await says()).toBe(`cooking at ${url}`);

    const guest = start('guest', url, 'very hot');
    expect(await text(guest.out)).toBe(
      'How hot is the curry to be?\nAnything to drink?\ngot curry, very hot, and tea\n',
    );

    const silent = start('guest', url);
    await once(silent.out, 'data');
    expect(await says()).toBe('cooking curry, very hot');
    silent.child.kill('SIGKILL');
    expect(await says()).toBe(`process ${silent.child.pid} died at the table`);

    const late = start('guest', url);
    await once(late.out, 'data');
    const words = text(late.out);
    kitchen.child.kill('SIGTERM');
    expect(await words).toMatch(/^EPITAPH: .*the server closed: the kitchen is on fire\n$/);
    expect(await kitchen.ended).toEqual([0, null]);
  });
}
