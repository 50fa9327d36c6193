import { expect, it } from 'vitest';
import { Reason, RpcError } from '../../errors/index.js';
import { createServerOn, type Server } from '../../server/index.js';
import { echoing, freshTarget } from '../../testing/pair.js';
import { failure } from '../../testing/promises.js';
import { Texts } from '../../testing/text-service.js';
import type { Transport } from '../../transport/contract.js';
import { createClientOn, type Target } from '../index.js';

interface Watched extends Target {
  /** Attempts to connect, so far. */
  readonly attempts: number;
  /** Resolves at the next attempt. */
  attempted(): Promise<void>;
}

/** A fresh target that counts who tries to connect. */
function watched(before: () => void = () => undefined): Watched {
  const target = freshTarget();
  const listeners: (() => void)[] = [];
  let attempts = 0;
  const transport: Transport = Object.create(target.transport, {
    connect: {
      value: async (...args: Parameters<Transport['connect']>) => {
        attempts++;
        for (const listener of listeners.splice(0)) listener();
        before();
        return target.transport.connect(...args);
      },
    },
  }) as Transport;
  return {
    ...target,
    transport,
    get attempts() {
      return attempts;
    },
    attempted: () => new Promise((resolve) => listeners.push(resolve)),
  };
}

async function serve(target: Target): Promise<Server> {
  const server = createServerOn(() => [target]);
  server.add(Texts, echoing);
  await server.listen();
  return server;
}

it('Attempts follow one another at growing intervals; calls in between get the last failure, and when to expect the next.', async () => {
  const target = watched();
  const client = createClientOn(Texts, () => target, {
    reconnect: { initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 },
  });
  const first = await failure(client.echo({ text: '' }));
  expect(first).toMatchObject({ code: 'UNAVAILABLE', reason: Reason.UNREACHABLE });
  await failure(client.echo({ text: 'at once' }));
  expect(target.attempts).toBe(2);

  const third = await failure(client.echo({ text: 'too early' }));
  expect(target.attempts).toBe(2);
  expect(third).toMatchObject({ code: 'UNAVAILABLE', reason: Reason.UNREACHABLE, failed: 'channel' });
  expect(third.message).toContain(first.message);
  expect(third.message).toMatch(/\(the next attempt to connect is made in \d+ ms; waitForReady waits for it\)$/);
  await client.$close();
});

it('A call that waits for a connection is answered by a server that comes later, and so are those that came meanwhile.', async () => {
  const target = watched();
  const client = createClientOn(Texts, () => target, { waitForReady: true });
  const calls = [client.echo({ text: 'a' }), client.echo({ text: 'b' })];
  while (target.attempts < 4) await target.attempted();
  calls.push(client.echo({ text: 'c' }));
  expect(await failure(client.echo({ text: '' }, { waitForReady: false }))).toMatchObject({ code: 'UNAVAILABLE' });
  const server = await serve(target);
  expect(await Promise.all(calls)).toEqual([{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
  await client.$close();
  await server.close();
});

it('A call that waits for a connection waits until its deadline, and says what was in the way.', async () => {
  const target = watched();
  const client = createClientOn(Texts, () => target);
  await failure(client.echo({ text: '' }));
  const error = await failure(client.echo({ text: '' }, { waitForReady: true, timeout: 60 }));
  expect(error).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    cause: { code: 'UNAVAILABLE', reason: Reason.UNREACHABLE },
  });
  expect(error.message).toMatch(/it was not connected when its deadline passed, \d+ ms after it began \(.*inproc:test/);
  expect(client.$channel.stats.inFlight).toBe(0);
  await client.$close();
});

it('A call that waits for a connection fails at once with what no further attempt would change.', async () => {
  const refusal = new RpcError('PERMISSION_DENIED', 'not you', { reason: Reason.NOT_ALLOWED, failed: 'channel' });
  const target = watched(() => {
    throw refusal;
  });
  const client = createClientOn(Texts, () => target, { waitForReady: true });
  expect(await failure(client.echo({ text: '' }))).toMatchObject({ code: 'PERMISSION_DENIED', cause: refusal });
  expect(target.attempts).toBe(1);
  await client.$close();
});

it('An immediate call does not wait for a connection.', async () => {
  const target = watched();
  const client = createClientOn(Texts, () => target, { waitForReady: true, timeout: 'immediate' });
  expect(await failure(client.echo({ text: '' }))).toMatchObject({ code: 'UNAVAILABLE' });
  await client.$close();
});

it('Attempts end when nobody waits any more, by abort as by closing the client.', async () => {
  const target = watched();
  const client = createClientOn(Texts, () => target, { waitForReady: true });
  const stop = new AbortController();
  const aborted = failure(client.echo({ text: '' }, { signal: stop.signal }));
  await target.attempted();
  stop.abort();
  expect(await aborted).toMatchObject({ code: 'CANCELLED' });

  const closed = failure(client.echo({ text: '' }));
  await target.attempted();
  await client.$close();
  expect(await closed).toMatchObject({ code: 'CANCELLED', reason: Reason.CLOSED });
  expect(await failure(client.echo({ text: '' }))).toMatchObject({
    code: 'FAILED_PRECONDITION',
    reason: Reason.CLOSED,
  });
});

it('The state of a client can be seen and listened to.', async () => {
  const target = watched();
  const client = createClientOn(Texts, () => target);
  const states: string[] = [];
  expect(() => client.$channel.onState(5 as never)).toThrow('onState: expected a function, found 5');
  expect(() => client.$channel.onPeerDeath('x' as never)).toThrow('onPeerDeath: expected a function, found x');
  const stop = client.$channel.onState((state) => states.push(state));
  expect(client.$channel.state).toBe('idle');
  await failure(client.echo({ text: '' }));
  expect(states).toEqual(['connecting', 'transient-failure']);

  const server = await serve(target);
  await client.echo({ text: '' });
  expect(client.$channel.state).toBe('ready');
  const lost = new Promise<void>((resolve) => {
    client.$channel.onState((state) => state === 'idle' && resolve());
  });
  await server.close();
  await lost;
  expect(states).toEqual(['connecting', 'transient-failure', 'connecting', 'ready', 'idle']);

  stop();
  await client.$close();
  expect(client.$channel.state).toBe('closed');
  expect(states.at(-1)).toBe('idle');
});
