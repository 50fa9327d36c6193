import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cleanEnvironment, runNode } from './testing/run.js';

const program = new URL('./testing/metadata.child.js', import.meta.url);
let folder: string;
let server: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-metadata-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function serve(url: string): Promise<void> {
  server = spawn(process.execPath, [fileURLToPath(program), 'serve', url], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  expect(await once(createInterface(server.stdout!), 'line')).toEqual(['listening']);
}

async function stop(): Promise<void> {
  const ended = once(server!, 'exit');
  server!.stdin!.end();
  expect(await ended).toEqual([0, null]);
}

/** A port at which nobody listened just now. */
async function freePort(): Promise<number> {
  const nobody = createServer().listen(0, '127.0.0.1');
  await once(nobody, 'listening');
  const { port } = nobody.address() as AddressInfo;
  nobody.close();
  await once(nobody, 'close');
  return port;
}

const came = ['Ørsted', [0, 255]];
const both = [...came, ...came];

describe('Metadata goes both ways, in both modes,', () => {
  test.each(['shm', 'shm+simple', 'unix', 'fifo', 'mq', 'tcp', 'udp'])('over %s:.', async (scheme) => {
    const path = scheme === 'tcp' || scheme === 'udp' ? `127.0.0.1:${await freePort()}` : join(folder, 'echo');
    const url = `${scheme}:${path}`;
    await serve(url);
    const { stdout, stderr } = await runNode(program, ['call', url]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([...both, 'PLAIN', 'EARLY', ...came, 'PLAIN', ...came, 'EARLY']);
    await stop();
  });
});
