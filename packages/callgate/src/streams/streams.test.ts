import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { lastValueFrom, map, take, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../index.js';
import { spawnWithPipes } from '../pipe.js';
import { runNode } from '../testing/run.js';
import { Lines } from './testing/lines.js';

const program = fileURLToPath(new URL('./testing/server.child.js', import.meta.url));
const blocking = new URL('./testing/blocking.child.js', import.meta.url);

let folder: string;
let endings: (() => Promise<unknown>)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-streams-'));
  endings = [];
});
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

const schemes = ['shm', 'unix', 'tcp'] as const;

/** A server in a process of its own. */
async function serve(scheme: (typeof schemes)[number]): Promise<{ url: string; child: ChildProcess }> {
  const address = scheme === 'tcp' ? 'tcp:127.0.0.1:0' : `${scheme}:${join(folder, 'lines')}`;
  const child = spawn(process.execPath, [program, address], { stdio: ['pipe', 'inherit', 'pipe'] });
  const exited = once(child, 'exit');
  endings.push(async () => {
    child.stdin.end();
    await exited;
  });
  const [url] = (await once(createInterface(child.stderr), 'line')) as [string];
  return { url, child };
}

async function servePiped(): Promise<string> {
  const child = await spawnWithPipes(process.execPath, [program, 'pipe:inherited'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const exited = once(child.process, 'exit');
  endings.push(async () => {
    child.process.kill('SIGKILL');
    await exited;
  });
  return child.url;
}

function connect(url: string): Client<typeof Lines> {
  const client = createClient(Lines, url);
  endings.push(() => client.$close());
  return client;
}

const urlOf = async (scheme: (typeof schemes)[number] | 'pipe') =>
  scheme === 'pipe' ? servePiped() : (await serve(scheme)).url;

function* lines(count: number, line: string): Generator<{ text: string }> {
  for (let i = 0; i < count; i++) yield { text: line };
}

async function read(replies: AsyncIterable<{ text: string }>) {
  const read = { count: 0, letters: 0, last: '' };
  for await (const { text } of replies) {
    read.count++;
    read.letters += text.length;
    read.last = text;
  }
  return read;
}

describe.each([...schemes, 'pipe'] as const)('Over %s:, awaited,', (scheme) => {
  it('streams go either way and both ways, small and large.', async () => {
    const client = connect(await urlOf(scheme));
    expect(await read(client.count({ text: '10000' }))).toEqual({ count: 10_000, letters: 38_890, last: '9999' });
    expect(await read(client.count({ text: '0' }))).toEqual({ count: 0, letters: 0, last: '' });
    expect(await read(client.count({ text: '50 of 200000' }))).toMatchObject({ count: 50, letters: 1e7 });
    expect(await client.gather(lines(10_000, 'line'))).toEqual({ text: '10000 40000' });
    expect(await client.gather(lines(50, 'x'.repeat(200_000)))).toEqual({ text: '50 10000000' });
    expect(await client.gather([])).toEqual({ text: '0 0' });
    expect(await read(client.shout(lines(10_000, 'line')))).toEqual({ count: 10_000, letters: 40_000, last: 'LINE' });
    expect(await read(client.shout(lines(50, 'x'.repeat(200_000))))).toMatchObject({ count: 50, letters: 1e7 });
    expect(client.$channel.stats).toMatchObject({ inFlight: 0, lateItems: 0 });
  });

  it('who stops reading stops the handler, and later calls are as good as ever.', async () => {
    const client = connect(await urlOf(scheme));
    for (let i = 0; i < 20; i++)
      for await (const { text } of client.count({ text: 'endless' })) if (text === '2') break;
    await lastValueFrom(client.count({ text: 'endless' }).pipe(take(3)));
    await expect.poll(async () => (await client.told({ text: 'given' })).text, { interval: 5 }).not.toBe('');
    const words: string[] = [];
    await expect
      .poll(
        async () => {
          words.push(...(await client.told({ text: '' })).text.split(' '));
          return words.filter((word) => word === 'finally').length;
        },
        { interval: 5, timeout: 10_000 },
      )
      .toBe(21);
    expect(words.filter((word) => word === 'CANCELLED')).toHaveLength(21);
    const numbers = client.count({ text: '3' }).pipe(
      map(({ text }) => text),
      toArray(),
    );
    expect(await lastValueFrom(numbers)).toEqual(['0', '1', '2']);
    expect(client.$channel.stats.inFlight).toBe(0);
  });

  it('a reader that rests stops its writer, and nobody else.', async () => {
    const client = connect(await urlOf(scheme));
    const stream = client.count({ text: 'endless of 1000' })[Symbol.asyncIterator]();
    await stream.next();
    const given = async () => Number((await client.told({ text: 'given' })).text);
    let before = -1;
    // No more is given from one look to the next: the writer waits.
    await expect
      .poll(
        async () => {
          const now = await given();
          const rests = now === before;
          before = now;
          return rests;
        },
        { interval: 20, timeout: 10_000 },
      )
      .toBe(true);
    // A window of 1 MiB, half of which may have been granted again.
    expect(before).toBeLessThan(1700);
    for (let i = 0; i < 100; i++) await client.told({ text: 'given' });
    expect(await given()).toBe(before);
    for (let i = 0; i < before; i++) await stream.next();
    expect(await given()).toBeGreaterThan(before);
    await stream.return?.();
    expect(client.$channel.stats.inFlight).toBe(0);
  });
});

describe.each(schemes)('Over %s:, blocking,', (scheme) => {
  it('streams do the same.', async () => {
    const { url } = await serve(scheme);
    const { stdout, stderr } = await runNode(blocking, [url]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      many: { count: 10_000, letters: 38_890, last: '9999' },
      none: { count: 0, letters: 0, last: '' },
      large: { count: 50, letters: 1e7, last: 'x'.repeat(200_000) },
      gathered: '10000 40000',
      gatheredLarge: '50 10000000',
      nothingGathered: '0 0',
      shouted: { count: 10_000, letters: 40_000, last: 'LINE' },
      shoutedLarge: { count: 50, letters: 1e7, last: 'X'.repeat(200_000) },
      early: '0 0',
      stoppedSource: true,
      firstAndRest: ['0', 2],
      toldOfBreak: 'CANCELLED finally',
      failed: 'OUT_OF_RANGE ALL',
      seen: ['0', '1'],
      late: 'DEADLINE_EXCEEDED DEADLINE',
      meanwhile: [true, 5],
      between: 20_000,
      source: 'CANCELLED SOURCE_FAILED',
      // The server may say, too, that the deadline has passed.
      stats: { inFlight: 0, lateReplies: expect.any(Number), lateItems: expect.any(Number) },
    });
  });
});

describe.each(schemes)('Over %s:, when the server is killed,', (scheme) => {
  it('a stream gives what had arrived, and then fails.', async () => {
    const { url, child } = await serve(scheme);
    endings.push(async () => rmSync(join(folder, 'lines'), { force: true }));
    const client = connect(url);
    let count = 0;
    const reading = (async () => {
      for await (const _ of client.count({ text: 'endless' })) {
        if (++count === 10) child.kill('SIGKILL');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(count).toBeGreaterThanOrEqual(10);
    expect(client.$channel.stats.inFlight).toBe(0);
  });
});
