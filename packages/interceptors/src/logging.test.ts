import { RpcError } from '@callgate/core';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { logging } from './logging.js';
import { failure, pair } from './testing/pair.js';

/** A pino logger and what it wrote. */
function logger() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { lines, logger: pino({ level: 'trace', base: null }, { write }) };
}

describe('logging', () => {
  it('writes a line for each call at both sides, by pino, without messages', async () => {
    const log = logger();
    const interceptors = [logging({ logger: log.logger, metadata: ['user'] })];
    await using both = await pair({}, { client: interceptors, server: interceptors });
    await both.client.echo({ text: 'a secret' }, { metadata: { user: 'Ada', token: 'x' } });
    const line = { level: 30, method: 'test.Texts/Echo', code: 'OK', metadata: { user: 'Ada' } };
    expect(log.lines).toMatchObject([
      { ...line, side: 'server' },
      { ...line, side: 'client' },
    ]);
    expect(log.lines[1]?.ms).toBeGreaterThan(0);
    expect(log.lines[1]?.msg).toMatch(/^test\.Texts\/Echo OK after [\d.]+ ms$/);
    expect(JSON.stringify(log.lines)).not.toMatch(/secret|token/);
  });

  it('tells of failures at a level of their own, and counts the replies of streams', async () => {
    const log = logger();
    await using both = await pair(
      {
        echo: () => {
          throw new RpcError('NOT_FOUND', 'no such text', { reason: 'NO_SUCH_TEXT' });
        },
      },
      { client: [logging({ logger: log.logger, level: 'debug', failureLevel: 'error' })] },
    );
    await failure(both.client.echo({ text: '' }));
    for await (const _ of both.client.list({ text: 'a b c' }));
    for await (const _ of both.client.list({ text: 'a b c' })) break;
    expect(log.lines).toMatchObject([
      { level: 50, code: 'NOT_FOUND', reason: 'NO_SUCH_TEXT', error: 'no such text' },
      { level: 20, method: 'test.Texts/List', code: 'OK', replies: 3 },
      { level: 50, code: 'CANCELLED' },
    ]);
  });

  it('writes JSON to standard error where it is given no logger, and survives one that throws', async () => {
    const lines: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    try {
      await using both = await pair({}, { client: [logging()] });
      await both.client.echo({ text: '' });
    } finally {
      spy.mockRestore();
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'info', side: 'client', code: 'OK' }]);
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const info = () => {
      throw new Error('the disk is full');
    };
    await using both = await pair({}, { client: [logging({ logger: { info, warn: info } })] });
    expect(await both.client.echo({ text: 'x' })).toEqual({ text: 'x' });
    expect(await warned).toMatchObject({ message: 'logging: the logger threw: Error: the disk is full' });
  });

  it.each([
    [{ lgger: {} }, 'logging: lgger: unknown option; known are logger, level, failureLevel, metadata'],
    [{ level: 'loud' }, 'logging: level: expected trace, debug, info, warn, error, fatal, found loud'],
    [{ logger: {} }, 'logging: logger: expected a method info, found undefined'],
  ])('refuses %j in words', (options, words) => {
    expect(() => logging(options as object)).toThrow(words);
  });
});
