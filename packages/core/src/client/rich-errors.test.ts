import { describe, expect, it } from 'vitest';
import { defineError, detail, RpcError } from '../errors/index.js';
import { pair } from '../testing/pair.js';
import { failure } from '../testing/promises.js';
import { TextMessage } from '../testing/text-service.js';

const NoSuchText = defineError({
  name: 'NoSuchText',
  code: 'NOT_FOUND',
  reason: 'NO_SUCH_TEXT',
  fields: { nearest: TextMessage },
});

describe('what a handler throws', () => {
  it('comes back with its details, its causes, and when to try again', async () => {
    const cause = new RpcError('UNAVAILABLE', 'the store is away', { cause: new TypeError('no disk') });
    await using both = await pair({
      echo: function ofTheServer() {
        const details = [detail(TextMessage, { text: 'one' }), detail(TextMessage, { text: 'two' })];
        throw new RpcError('ABORTED', 'not saved', { details, cause, retryAfterMs: 250 });
      },
    });
    const error = await failure(both.client.echo({ text: '' }));
    expect(error).toMatchObject({ code: 'ABORTED', retryAfterMs: 250 });
    expect(error.detailsOf(TextMessage)).toEqual([{ text: 'one' }, { text: 'two' }]);
    expect(error.cause).toMatchObject({ code: 'UNAVAILABLE', message: 'the store is away' });
    expect((error.cause as RpcError).cause).toMatchObject({ name: 'TypeError', message: 'no disk' });
    expect(error.stack).not.toContain('ofTheServer');
    expect(JSON.stringify(error) + (error.cause as Error).stack).not.toContain('rich-errors.test');
  });

  it('comes back as the class that both sides define', async () => {
    await using both = await pair({
      work: async () => {
        throw new NoSuchText('no such text', { nearest: { text: 'test' } });
      },
    });
    const error = await failure(both.client.work({ text: 'tset' }));
    expect(error).toBeInstanceOf(NoSuchText);
    expect((error as InstanceType<typeof NoSuchText>).nearest).toEqual({ text: 'test' });
    expect(error).toMatchObject({ name: 'NoSuchText', message: 'no such text', failed: 'call' });
  });

  it('keeps to itself what led to an error that was not meant for the caller', async () => {
    await using both = await pair({
      echo: () => {
        throw new TypeError('oops', { cause: new Error('the password is 1234') });
      },
    });
    const error = await failure(both.client.echo({ text: '' }));
    expect(error).toMatchObject({ code: 'UNKNOWN', message: 'oops' });
    expect(error.cause).toBeUndefined();
  });

  it('loses what the link has no room for, and says so', async () => {
    await using both = await pair(
      {
        echo: () => {
          throw new NoSuchText('no such text', { nearest: { text: 'x'.repeat(2000) }, cause: new Error('small') });
        },
      },
      { transport: { maxMessageBytes: 1024 } },
    );
    const error = await failure(both.client.echo({ text: '' }));
    expect(error).toBeInstanceOf(NoSuchText);
    expect((error as InstanceType<typeof NoSuchText>).nearest).toBeUndefined();
    expect(error.message).toBe('no such text (left out for want of room: 1 of its details and 1 of its causes)');
  });
});
