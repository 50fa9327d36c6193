import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadAddon } from '@callgate/native';
import { expect, it } from 'vitest';
import { next, poll, put, rpcError, useStage } from '../testing/stage.js';
import { newName, offer } from './offers.js';
import { spawnWithPipes } from './spawn.js';
import { pipeTransport } from './transport.js';

const addon = loadAddon();
const stage = useStage(pipeTransport);
const program = fileURLToPath(new URL('./testing/echo.child.js', import.meta.url));
const O_NONBLOCK = 0o4000;

function flagsOf(descriptor: number): number {
  return Number.parseInt(/^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))![1]!, 8);
}

async function childAtStdio(): Promise<{
  link: Awaited<ReturnType<typeof stage.connect>>;
  heard: () => string;
  exited: Promise<unknown>;
}> {
  const child = await spawnWithPipes(process.execPath, [program, 'listen', 'pipe:stdio'], {
    at: 'stdio',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child.process, 'exit');
  stage.later(async () => {
    child.process.kill('SIGKILL');
    await exited;
  });
  let heard = '';
  child.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  return { link: await stage.connect(child.url), heard: () => heard, exited };
}

it('speaks over standard input and output, which no output of the program or its children gets into', async () => {
  const { link, heard } = await childAtStdio();
  put(link, 'makeNoise');
  expect(await next(link)).toBe('made noise');
  put(link, 'after the noise');
  expect(await next(link)).toBe('after the noise to you');
  const noises = ['console.log', 'process.stdout', 'descriptor 1', 'a child'].map((who) => `noise of ${who}\n`);
  await poll(() => noises.filter((noise) => !heard().includes(noise))).toEqual([]);
});

it('leaves nothing to read on standard input to whoever reads it besides', async () => {
  const { link } = await childAtStdio();
  put(link, 'readInput');
  expect(await next(link)).toBe('0');
});

it('is an orderly end when the parent closes, and the program ends by itself', async () => {
  const { link, exited } = await childAtStdio();
  await link.close();
  expect(await exited).toEqual([0, null]);
});

it('does not make a pipe non-blocking for others who have it open', async () => {
  // This process keeps the child's own ends, and sees their flags.
  const [childReads, output] = addon.createPipe();
  const [input, childWrites] = addon.createPipe();
  for (const end of [childReads, childWrites]) {
    addon.setNonBlocking(end, false);
    stage.later(() => end.close());
  }
  const child = spawn(process.execPath, [program, 'listen', 'pipe:stdio'], {
    stdio: [childReads.value, childWrites.value, 'inherit'],
  });
  const exited = once(child, 'exit');
  stage.later(() => child.kill('SIGKILL'));
  const name = newName();
  offer(name, { input, output, peer: { address: 'a test' } });
  const link = await stage.connect(`pipe:${name}`);
  put(link, 'hello');
  expect(await next(link)).toBe('hello to you');
  expect([flagsOf(childReads.value) & O_NONBLOCK, flagsOf(childWrites.value) & O_NONBLOCK]).toEqual([0, 0]);
  await link.close();
  expect(await exited).toEqual([0, null]);
});

it('gives sockets in place of pipes their flags back in the end', async () => {
  // What `spawn` of node:child_process calls a pipe is a socket.
  const shell =
    'import os, sys; before = os.get_blocking(0); os.waitpid(int(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)), 0); sys.stderr.write(f"{before} {os.get_blocking(0)} {os.get_blocking(1)}")';
  const child = spawn('python3', ['-c', shell, process.execPath, program, 'listen', 'pipe:stdio']);
  const exited = once(child, 'close');
  stage.later(() => child.kill('SIGKILL'));
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  child.stdin.write(Buffer.from('ca475301000010000500000068656c6c6f', 'hex'));
  const answer: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => answer.push(bytes));
  await poll(() => Buffer.concat(answer).toString('latin1')).toMatch(/hello to you$/);
  child.stdin.write(Buffer.from('ffffffff00000000', 'hex'));
  await exited;
  expect(told).toBe('True True True');
});

it('says what standard input is when it is no pipe', async () => {
  const cases = [
    ['/dev/null', 'a terminal or another device'],
    [fileURLToPath(import.meta.url), 'a regular file'],
  ] as const;
  for (const [file, words] of cases) {
    const input = openSync(file, 'r');
    const child = spawn(process.execPath, [program, 'connect', 'pipe:stdio'], { stdio: [input, 'pipe', 'pipe'] });
    closeSync(input);
    let told = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(told).toContain(`cannot use pipe:stdio: standard input is ${words}, not a pipe. spawnWithPipes starts`);
  }
});

it('says which descriptor is not open, or the wrong end, and takes neither', async () => {
  await expect(stage.connect('pipe:1001,1002')).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'descriptor 1001 is not open', 'was not started with a pipe there'),
  );
  const [reading, writing] = addon.createPipe();
  stage.later(() => reading.close());
  stage.later(() => writing.close());
  const swapped = `pipe:${writing.value},${reading.value}`;
  await expect(stage.connect(swapped)).rejects.toEqual(
    rpcError(
      'UNAVAILABLE',
      'UNREACHABLE',
      `descriptor ${writing.value} is the end of a pipe to write to`,
      'first of the two is read from',
    ),
  );
  expect(addon.write(writing, Uint8Array.of(1), 0, 1)).toBe(1);
});

it('refuses addresses that mean nothing', async () => {
  for (const url of ['pipe:3', 'pipe:a,b', 'pipe:/run/geo', 'pipe:3,4,5', 'pipe:3,2', 'pipe:-1,4']) {
    await expect(stage.connect(url)).rejects.toEqual(
      rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', `bad address "${url}"`),
    );
  }
});
