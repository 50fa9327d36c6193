import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClient, createServer } from './index.js';
import { type PipedChild, type SpawnWithPipesOptions, spawnWithPipes } from './pipe.js';
import { Echo } from './testing/echo.js';

const program = fileURLToPath(new URL('./testing/piped.child.js', import.meta.url));
/** Python programs stand beside their source. */
const byHand = fileURLToPath(new URL('../src/testing/by-hand.py', import.meta.url));

let endings: (() => unknown)[] = [];
beforeEach(() => {
  endings = [];
});
afterEach(async () => {
  for (const end of endings.reverse()) await end();
});

async function started(command: string, args: string[], options: SpawnWithPipesOptions = {}): Promise<PipedChild> {
  const child = await spawnWithPipes(command, args, options);
  const exited = once(child.process, 'exit');
  endings.push(async () => {
    child.process.kill('SIGKILL');
    await exited;
  });
  return child;
}

function clientOf(url: string) {
  const client = createClient(Echo, url, { timeout: 10_000 });
  endings.push(() => client.$close());
  return client;
}

async function serve(url: string): Promise<void> {
  const server = createServer();
  server.add(Echo, { shout: ({ text }) => ({ text: text.toUpperCase() }) });
  await server.listen(url);
  endings.push(() => server.close());
}

/** All that a stream of the child has said, once it is that or more. */
async function hears(stream: NodeJS.ReadableStream | null | undefined, words: string): Promise<string> {
  let heard = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  await expect.poll(() => heard, { timeout: 10_000 }).toContain(words);
  return heard;
}

test('A child serves over the pipes that it was started with.', async () => {
  const child = await started(process.execPath, [program, 'serve', 'pipe:inherited'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const client = clientOf(child.url);
  const replies = await Promise.all(['one', 'two', 'three'].map((text) => client.shout({ text })));
  expect(replies.map(({ text }) => text)).toEqual(['ONE', 'TWO', 'THREE']);
});

test('A child serves over its standard output, and what it prints there is no part of it.', async () => {
  const child = await started(process.execPath, [program, 'serve', 'pipe:stdio'], {
    at: 'stdio',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  expect(await clientOf(child.url).shout({ text: 'hello' })).toEqual({ text: 'HELLO' });
  await hears(child.process.stderr, 'shouting hello\n');
});

test.each(['call', 'callSync'])('A child calls (%s) who has started it.', async (how) => {
  const child = await started(process.execPath, [program, how, 'pipe:inherited'], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const heard = hears(child.process.stderr, 'FROM THE CHILD\n');
  await serve(child.url);
  await heard;
});

test('A call in flight fails at once when the child is killed, and the client says why afterwards, too.', async () => {
  const child = await started('sleep', ['100']);
  const client = clientOf(child.url);
  const call = client.shout({ text: 'hello' });
  process.kill(child.pid, 'SIGKILL');
  await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
  await expect(client.shout({ text: 'hello' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'UNREACHABLE',
    message: expect.stringContaining('start the child anew'),
  });
});

test('A Python program that writes every byte by hand serves a call over descriptors 3 and 4.', async () => {
  const child = await started('python3', [byHand, 'serve']);
  const client = clientOf(child.url);
  expect(await client.shout({ text: 'from Node' })).toEqual({ text: 'FROM NODE' });
  expect(await client.shout({ text: 'again' })).toEqual({ text: 'AGAIN' });
  const exited = once(child.process, 'exit');
  await client.$close();
  expect(await exited).toEqual([0, null]);
});

test('A Python program that writes every byte by hand makes a call over descriptors 3 and 4.', async () => {
  const child = await started('python3', [byHand, 'call'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await serve(child.url);
  expect(await hears(child.process.stdout, '\n')).toBe('True 0 7 SAID BY HAND\n');
});
