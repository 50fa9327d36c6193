import { expect, it } from 'vitest';
import { RpcError } from '../errors/index.js';
import { freshTarget, pair, type TextHandlers } from '../testing/pair.js';
import { failure } from '../testing/promises.js';
import { Streams } from '../testing/text-service.js';
import { createClientOn } from './index.js';

const failing: Partial<TextHandlers> = {
  work: async () => {
    throw new RpcError('ABORTED', 'not saved');
  },
};

type Client = Awaited<ReturnType<typeof pair>>['client'];

/** A name by which a line of a stack is known. (Whoever maps stacks back to sources may leave out the word async.) */
async function whoAwaits(client: Client, timeout: number | 'never' = 'never'): Promise<string> {
  return (await client.work({ text: '' }, { timeout })).text;
}

/** Without lines of Node.js: those that ran the microtask that took the stack, if timers were due just then. */
async function stackOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return ((error as Error).stack ?? '').replace(/\n {4}at .*\(node:internal\/.*\)/g, '');
  }
  return expect.unreachable();
}

it('names the lines that led to a failed call, and first that of its await', async () => {
  await using both = await pair(failing);
  const lines = (await stackOf(whoAwaits(both.client))).split('\n');
  expect(lines[0]).toBe('RpcError: not saved');
  expect(lines[1]).toMatch(/^ {4}at (async )?whoAwaits \(.*where-awaited\.test\.[jt]s:\d+:\d+\)$/);
  expect(lines[2]).toMatch(/^ {4}at (async )?stackOf /);
});

it('names them whatever has failed: the deadline, the server, the connection', async () => {
  await using both = await pair({ work: () => new Promise(() => undefined) });
  expect(await stackOf(whoAwaits(both.client, 1))).toMatch(/^RpcError: .*\n {4}at (async )?whoAwaits /);
  const abandoned = stackOf(whoAwaits(both.client));
  await both.client.echo({ text: '' });
  await both.server.close({ timeoutMs: 0 });
  expect(await abandoned).toMatch(/\n {4}at (async )?whoAwaits /);
  expect(await stackOf(whoAwaits(both.client))).toMatch(/\n {4}at (async )?whoAwaits /);
});

it('names them through interceptors', async () => {
  await using both = await pair(failing, { client: { interceptors: [(call, next) => next(call)] } });
  expect(await stackOf(whoAwaits(both.client))).toMatch(/\n {4}at (async )?whoAwaits /);
});

it('names them where a call cannot even begin', async () => {
  await using both = await pair(failing);
  await both.client.echo({ text: 'connected' });
  const wrong = async () => (await both.client.work({ text: 5 as unknown as string })).text;
  expect(await stackOf(wrong())).toMatch(/^RpcError: test.Text.text: expected text\n {4}at (async )?wrong /);
});

it('tells calls that are awaited together apart by their places', async () => {
  await using both = await pair(failing);
  const together = async () => Promise.all([both.client.echo({ text: '' }), both.client.work({ text: '' })]);
  expect(await stackOf(together())).toMatch(/\n {4}at (async )?Promise\.all \(index 1\)\n/);
});

it('lets the event loop turn for whoever calls again and again though there is no server', async () => {
  const target = freshTarget();
  // Fails at once after the first attempt, whose failure is told to all until the next.
  const options = { reconnect: { initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 } };
  const client = createClientOn(Streams, () => target, options);
  const { echo, list, join } = client;
  const kinds = [
    () => echo({ text: '' }),
    () => join([{ text: '' }]),
    async () => {
      for await (const _ of list({ text: '' }));
    },
  ];
  for (const call of kinds) {
    let turned = false;
    setTimeout(() => {
      turned = true;
    }, 1);
    const giveUpAt = performance.now() + 10_000;
    while (!turned && performance.now() < giveUpAt) await failure(call());
    expect(turned).toBe(true);
  }
  await client.$close();
});
