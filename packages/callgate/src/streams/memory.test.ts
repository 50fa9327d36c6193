import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runNode } from '../testing/run.js';

const program = fileURLToPath(new URL('./testing/server.child.js', import.meta.url));
const resting = new URL('./testing/resting.child.js', import.meta.url);

describe('Of 10 GiB that are offered and never read,', () => {
  let folder: string;
  let server: ChildProcess;
  let url: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'callgate-memory-'));
    server = spawn(process.execPath, [program, `shm:${join(folder, 'lines')}`], {
      stdio: ['pipe', 'inherit', 'pipe'],
    });
    [url] = (await once(createInterface(server.stderr!), 'line')) as [string];
  });
  afterAll(async () => {
    const exited = once(server, 'exit');
    server.stdin?.end();
    await exited;
    rmSync(folder, { recursive: true });
  });

  /** The window is 1 MiB, of which the first reading may have granted some again, and one message more. */
  const WINDOW = 2 * 16 + 2;

  it.each(['generator', 'handler'])(
    'a generator gives a window, whoever does not read, and neither process grows. (%s)',
    async (what) => {
      const { stdout, stderr } = await runNode(resting, [url, what]);
      expect(stderr).toBe('');
      const { offered, of, outcome, grownMiB } = JSON.parse(stdout);
      expect(of).toBe(163_840);
      expect(offered).toBeLessThanOrEqual(WINDOW);
      expect(outcome).toBe('open');
      expect(Math.max(...grownMiB)).toBeLessThanOrEqual(32);
    },
  );

  it.each(['drop-oldest', 'drop-newest'])(
    'an observable gives all, which is dropped, and neither process grows. (%s)',
    async (what) => {
      const { stdout, stderr } = await runNode(resting, [url, what]);
      expect(stderr).toBe('');
      const { offered, of, grownMiB } = JSON.parse(stdout);
      expect(offered).toBe(of - 1);
      expect(Math.max(...grownMiB)).toBeLessThanOrEqual(32);
    },
  );

  it('an observable that may drop nothing fails when its bound is reached, and neither process grows.', async () => {
    const { stdout, stderr } = await runNode(resting, [url, 'fail']);
    expect(stderr).toBe('');
    const { offered, grownMiB } = JSON.parse(stdout);
    expect(offered).toBeLessThanOrEqual(WINDOW + 100);
    expect(Math.max(...grownMiB)).toBeLessThanOrEqual(32);
  });
});
