import { existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Handle, handleOf, offer } from '../index.js';
import { failure, until } from './testing/failure.js';
import { Back } from './testing/jobs.js';
import { pooled } from './testing/served.js';

async function textsOf(stream: AsyncIterable<{ readonly text: string }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of stream) texts.push(text);
  return texts;
}

describe.each(['unix', 'shm'])('Calls that a pool runs, over %s', (scheme) => {
  it('stream each way, and both ways.', async () => {
    await using jobs = await pooled({ maximum: 2 }, scheme);
    const client = jobs.client();
    expect(await textsOf(client.list({ text: 'a b c' }))).toEqual(['a', 'b', 'c']);
    expect(await client.join([{ text: 'd' }, { text: 'e' }])).toEqual({ text: 'd e' });
    expect(await textsOf(client.chat([{ text: 'f' }, { text: 'g' }]))).toEqual(['f!', 'g!']);
  });

  it('stream more than a window holds, while others stream, too.', async () => {
    await using jobs = await pooled({ maximum: 2, perWorker: 2 }, scheme);
    const words = Array.from({ length: 20_000 }, (_, i) => `word${i}`);
    const [client, other] = [jobs.client(), jobs.client()];
    const text = words.join(' ');
    const [first, second, third] = await Promise.all([
      textsOf(client.list({ text })),
      other.join(words.map((word) => ({ text: word }))),
      textsOf(client.chat(words.map((word) => ({ text: word })))),
    ]);
    expect(first).toEqual(words);
    expect(second).toEqual({ text });
    expect(third).toHaveLength(words.length);
  });

  it('are told of their deadlines and of callers that give up.', async () => {
    await using jobs = await pooled({ loWater: 2, maximum: 2 }, scheme);
    const client = jobs.client();
    expect(await failure(client.sleep({ text: '60000' }, { timeout: 30 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const giveUp = new AbortController();
    const given = failure(client.sleep({ text: '60000' }, { signal: giveUp.signal }));
    await until(() => jobs.server.stats().running === 1);
    giveUp.abort();
    expect(await given).toMatchObject({ code: 'CANCELLED', reason: 'ABORTED_BY_CALLER' });
    // Their handlers heard of it, and the workers wait again.
    await until(() => jobs.server.stats().running === 0);
  });

  it('carry metadata both ways.', async () => {
    await using jobs = await pooled({}, scheme);
    const heard: unknown[] = [];
    const reply = await jobs.client().tell(
      { text: 'metadata who' },
      {
        metadata: { who: 'me' },
        onHeaders: (headers) => heard.push(headers.get('said')),
        onTrailers: (trailers) => heard.push(trailers.get('done')),
      },
    );
    expect(reply.text).toBe('me');
    expect(heard).toEqual(['who', 'who']);
  });

  it('carry handles both ways, and leave none open.', async () => {
    await using jobs = await pooled({}, scheme);
    const client = jobs.client();
    const [there, back] = [join(jobs.directory, 'there'), join(jobs.directory, 'back')];
    writeFileSync(there, 'read by another thread');
    writeFileSync(back, 'read by this one');
    const descriptors = (): string[] => readdirSync('/proc/self/fd');
    await client.echo({ text: 'so that all is open that will be' });
    const before = descriptors().length;
    const handlesInto: Handle[] = [];
    const handles = [handleOf(openSync(there, 'r'))];
    const reply = await client.tell({ text: `handle ${back}` }, { handles, handlesInto });
    expect(reply.text).toBe('read by another thread');
    expect(readFileSync(handlesInto[0]?.value ?? -1, 'utf8')).toBe('read by this one');
    for (const handle of handlesInto) handle.close();
    // Where none is wanted, none stays open.
    await client.echo({ text: '' }, { handles: [handleOf(openSync(there, 'r'))] });
    await until(() => descriptors().length === before);
  });

  it('are as large as the transport takes.', async () => {
    await using jobs = await pooled({ perWorker: 4, maximum: 1 }, scheme);
    const client = jobs.client();
    const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(3_000_000));
    const replies = await Promise.all(texts.map((text) => client.echo({ text })));
    expect(replies.map(({ text }) => text)).toEqual(texts);
  });

  it('call the client back, from whichever worker, and each gets its own answer.', async () => {
    await using jobs = await pooled({ loWater: 3, maximum: 3 }, scheme);
    const say = async ({ text }: { readonly text: string }) => ({ text: `${text} heard` });
    const client = jobs.client({ offers: [offer(Back, { say })] });
    const replies = await Promise.all(Array.from({ length: 30 }, (_, i) => client.tell({ text: `back ${i}` })));
    const words = replies.map(({ text }) => text.split(' '));
    expect(words.map(([number]) => number)).toEqual(replies.map((_, i) => `${i}`));
    expect(new Set(words.map(([, thread]) => thread)).size).toBeGreaterThan(1);
  });

  it('have what is left of their time, though they waited.', async () => {
    await using jobs = await pooled({ maximum: 1 }, scheme);
    const client = jobs.client();
    const blocking = client.block({ text: '100' });
    await until(() => jobs.server.stats().running === 1);
    const { text } = await client.tell({ text: 'deadline' }, { timeout: 60_000 });
    expect(Number(text)).toBeLessThanOrEqual(59_950);
    expect(Number(text)).toBeGreaterThan(30_000);
    await blocking;
  });

  it('are taken at once or not at all where they are immediate.', async () => {
    await using jobs = await pooled({ maximum: 1 }, scheme);
    const client = jobs.client();
    expect(await client.echo({ text: 'now' }, { timeout: 'immediate' })).toEqual({ text: 'now' });
    const blocking = client.block({ text: '100' });
    await until(() => jobs.server.stats().running === 1);
    expect(await failure(client.echo({ text: 'now' }, { timeout: 'immediate' }))).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'NOT_READY',
    });
    await blocking;
  });

  it('end with their client, and make room for others.', async () => {
    await using jobs = await pooled({ maximum: 1 }, scheme);
    const client = jobs.client();
    const sleeping = failure(client.sleep({ text: '60000' }));
    const waiting = failure(client.echo({ text: 'behind' }));
    await until(() => jobs.server.stats().running === 1 && jobs.server.stats().queued === 1);
    await client.$close();
    expect(await sleeping).toMatchObject({ code: 'CANCELLED' });
    expect(await waiting).toMatchObject({ code: 'CANCELLED' });
    expect(await jobs.client().echo({ text: 'next' })).toEqual({ text: 'next' });
  });

  it('that are one-way run, whether anybody waits or not.', async () => {
    await using jobs = await pooled({ maximum: 1 }, scheme);
    const client = jobs.client();
    const file = join(jobs.directory, 'notes');
    for (const line of ['a', 'b', 'c']) await client.note({ text: `${file} ${line}` });
    await until(() => existsSync(file) && readFileSync(file, 'utf8') === 'a\nb\nc\n');
    expect(jobs.server.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  it('of an ordered method run one after the other for each client, though many workers wait.', async () => {
    await using jobs = await pooled({ loWater: 3, maximum: 3 }, scheme);
    const clients = [jobs.client(), jobs.client()];
    const files = clients.map((_, i) => join(jobs.directory, `order${i}`));
    await Promise.all(
      clients.flatMap((client, i) =>
        ['a', 'b', 'c', 'd'].map((line) => client.append({ text: `${files[i]} ${line}` })),
      ),
    );
    for (const file of files)
      expect(readFileSync(file, 'utf8')).toBe(['a', 'b', 'c', 'd'].map((l) => `${l} begins\n${l} ends\n`).join(''));
    expect(jobs.server.stats()).toMatchObject({ running: 0, queued: 0 });
  });
});
