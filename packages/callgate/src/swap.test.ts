import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cleanEnvironment, runNode } from './testing/run.js';

let folder: string;
let server: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-swap-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the server, whose first line says where it listens. */
async function serve(env: NodeJS.ProcessEnv): Promise<string> {
  server = spawn(process.execPath, [fileURLToPath(new URL('./testing/server.child.js', import.meta.url))], {
    cwd: folder,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(server.stdout!), 'line')) as [string];
  return line;
}

/** Ends the server in an orderly way. */
async function stop(): Promise<number | null> {
  const ended = once(server!, 'exit') as Promise<[number | null]>;
  server!.stdin!.end();
  return (await ended)[0];
}

async function callOnce(env: NodeJS.ProcessEnv) {
  return await runNode(new URL('./testing/client.child.js', import.meta.url), [], { cwd: folder, env });
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

const done = { code: 0, signal: null, stdout: 'HELLO HELLO\n', stderr: '' };

describe('The same two programs meet', () => {
  test.each(['shm', 'unix', 'fifo', 'mq'])('over %s: when one line of the configuration says so.', async (scheme) => {
    const url = `${scheme}:${join(folder, 'echo')}`;
    writeFileSync(join(folder, 'callgate.yaml'), `services:\n  test.Echo:\n    url: ${url}\n`);
    expect(await serve({})).toBe(`listening at ${url}`);
    expect(await callOnce({})).toEqual(done);
    expect(await stop()).toBe(0);
    expect(readdirSync(folder)).toEqual(['callgate.yaml']);
  });

  test.each(['tcp', 'udp'])('over %s: at a port.', async (scheme) => {
    const url = `${scheme}://127.0.0.1:${await freePort()}`;
    writeFileSync(join(folder, 'callgate.yaml'), `services:\n  test.Echo:\n    url: ${url}\n`);
    expect(await serve({})).toBe(`listening at ${url}`);
    expect(await callOnce({})).toEqual(done);
    expect(await stop()).toBe(0);
  });

  test.each([
    ['unix', 'shm'],
    ['shm', 'unix'],
  ])('over %s: when one variable says so, whatever the configuration does.', async (scheme, other) => {
    const path = join(folder, 'callgate.json');
    const settings = {
      url: `${other}:${join(folder, 'nobody')}`,
      timeout: '10s',
      transport: { maxMessageBytes: 65536 },
    };
    writeFileSync(path, JSON.stringify({ services: { 'test.Echo': settings } }));
    const url = `${scheme}:${join(folder, 'echo')}`;
    const env = { CALLGATE_SERVICES__test_Echo__URL: url, CALLGATE_CONFIG: path };
    expect(await serve(env)).toBe(`listening at ${url}`);
    expect(await callOnce(env)).toEqual(done);
    expect(await stop()).toBe(0);
  });
});

test('A program whose configuration has a slip says so instead of running.', async () => {
  writeFileSync(join(folder, 'callgate.yaml'), 'services:\n  test.Echo:\n    uri: shm:echo\n');
  expect(await serve({})).toBe(`${join(folder, 'callgate.yaml')} has 1 problem:`);
});
