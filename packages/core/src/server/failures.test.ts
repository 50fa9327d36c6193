import { describe, expect, it } from 'vitest';
import { RpcError } from '../errors/index.js';
import { pair } from '../testing/pair.js';
import { failure } from '../testing/promises.js';

describe('what a handler throws', () => {
  it('is heard on the side of the server with its stack, when it is not an RpcError', async () => {
    const heard: RpcError[] = [];
    const bug = new TypeError('the cat sat on it');
    await using both = await pair(
      {
        echo: () => {
          throw bug;
        },
        work: () => Promise.reject(bug),
      },
      { server: { onError: (error) => heard.push(error) } },
    );
    await failure(both.client.echo({ text: '' }));
    await failure(both.client.work({ text: '' }));
    expect(heard.map((error) => error.cause)).toEqual([bug, bug]);
  });

  it('is between handler and caller alone, when it is an RpcError', async () => {
    const heard: RpcError[] = [];
    await using both = await pair(
      {
        echo: () => {
          throw new RpcError('NOT_FOUND', 'no such thing');
        },
      },
      { server: { onError: (error) => heard.push(error) } },
    );
    await failure(both.client.echo({ text: '' }));
    expect(heard).toEqual([]);
  });

  it('becomes a warning of the process when nobody listens to errors', async () => {
    const warned = new Promise<Error & { detail?: string }>((resolve) => {
      process.once('warning', resolve);
    });
    await using both = await pair({ work: () => Promise.reject(new TypeError('the cat sat on it')) });
    await failure(both.client.work({ text: '' }));
    const warning = await warned;
    expect(warning).toMatchObject({ name: 'CallgateServerWarning', message: 'the cat sat on it' });
    expect(warning.detail).toContain('failures.test');
  });

  it.each<[string, () => RpcError, Partial<RpcError>]>([
    ['no code', () => new RpcError(undefined as never, 'x'), { code: 'UNKNOWN', message: 'x' }],
    ['a reason that is no text', () => new RpcError('ABORTED', 'x', { reason: 5 as never }), { reason: '5' }],
    ['words that are none', () => new RpcError('ABORTED', 7 as never), { code: 'ABORTED', message: '7' }],
    ['details that are no list', () => new RpcError('ABORTED', 'x', { details: 5 as never }), { details: [] }],
    [
      'details that are none',
      () => new RpcError('ABORTED', 'x', { details: [5 as never, null as never] }),
      { details: [] },
    ],
  ])('with %s costs no more than its call', async (_, thrown, expected) => {
    await using both = await pair({
      echo: () => {
        throw thrown();
      },
      work: () => Promise.reject(thrown()),
    });
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({ failed: 'call', ...expected });
    expect(await failure(both.client.work({ text: '' }))).toMatchObject({ failed: 'call', ...expected });
  });

  it('is answered though the listener to errors throws, of which the process is warned', async () => {
    const warned = new Promise<Error>((resolve) => {
      process.once('warning', resolve);
    });
    const onError = () => {
      throw new Error('no room in the log');
    };
    await using both = await pair(
      {
        echo: () => {
          throw new TypeError('the cat sat on it');
        },
      },
      { server: { onError } },
    );
    expect(await failure(both.client.echo({ text: '' }))).toMatchObject({
      message: 'the cat sat on it',
      failed: 'call',
    });
    expect((await warned).message).toBe('no room in the log');
  });
});
