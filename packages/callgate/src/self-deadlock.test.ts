import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient, createSyncClient, forbidSyncCalls, type RpcError } from './index.js';
import { Echo } from './testing/echo.js';

const program = fileURLToPath(new URL('./testing/ring.child.js', import.meta.url));
type Name = 'A' | 'B' | 'C';
type Hop = readonly [how: 'sync' | 'async' | 'offer', to: Name] | readonly ['callback'];

let scratch: string;
let children: ChildProcess[];
const urls = {} as Record<Name, string>;
const pids = {} as Record<Name, number>;
let a: Client<typeof Echo>;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'callgate-ring-'));
  children = await Promise.all(
    (['A', 'B', 'C'] as const).map(async (name) => {
      urls[name] = `${name === 'C' ? 'shm' : 'unix'}:${join(scratch, name)}`;
      const child = spawn(process.execPath, [program, urls[name]], { stdio: ['ignore', 'inherit', 'pipe'] });
      pids[name] = child.pid!;
      for await (const line of createInterface(child.stderr!)) {
        if (line === 'ready') break;
        expect.unreachable(line);
      }
      return child;
    }),
  );
  // The watchdog of calls that block where they should not: their thread is not this one.
  a = createClient(Echo, urls.A, { timeout: 20_000 });
});
afterAll(async () => {
  await a.$close();
  for (const child of children) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(scratch, { recursive: true, force: true });
});

const planned = (hops: readonly Hop[]) => ({
  text: JSON.stringify(hops.map(([how, to]) => (to ? [how, urls[to]] : [how]))),
});

const failure = (call: Promise<unknown>): Promise<RpcError> =>
  call.then(
    (reply) => expect.unreachable(`the call succeeded: ${JSON.stringify(reply)}`),
    (error: RpcError) => error,
  );

const blocks = (name: Name) => `process ${pids[name]} blocks until test.Echo/Shout is answered`;

describe('A blocking call that would wait for its own thread', () => {
  it.each<[string, Name[], Hop[]]>([
    ['A -> A', ['A'], [['sync', 'A']]],
    [
      'A -> B -> A, of which the last one awaits',
      ['A'],
      [
        ['sync', 'B'],
        ['async', 'A'],
      ],
    ],
    [
      'A -> B -> A, all of which block',
      ['A', 'B'],
      [
        ['sync', 'B'],
        ['sync', 'A'],
      ],
    ],
    [
      'A -> B -> C -> A, of which the first one blocks',
      ['A'],
      [
        ['sync', 'B'],
        ['async', 'C'],
        ['async', 'A'],
      ],
    ],
    [
      'A -> B -> C -> A, all of which block',
      ['A', 'B', 'C'],
      [
        ['sync', 'B'],
        ['sync', 'C'],
        ['sync', 'A'],
      ],
    ],
  ])('fails before it is sent: %s', async (_, chain, hops) => {
    for (const _again of ['not yet connected', 'connected']) {
      const error = await failure(a.shout(planned(hops)));
      expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'SELF_DEADLOCK' });
      expect(error.message).toBe(
        `test.Echo/Shout: it would wait for itself: ${chain.map(blocks).join(', ')}, and this call needs the blocked thread of process ${pids.A} to be served. Serve from another thread, or call without blocking`,
      );
    }
    expect(await a.shout(planned([]))).toEqual({ text: 'end' });
  });

  it.each<[string, () => string | string[]]>([
    ['by another path', () => `unix:${scratch}/../${basename(scratch)}//A`],
    ['by a relative one', () => `unix:./${relative(process.cwd(), join(scratch, 'A'))}`],
    ['by two ways to write it', () => [urls.A, `unix:${scratch}/./A`]],
  ])('fails also where its callee goes by another address than its own: %s', async (_, other) => {
    const text = JSON.stringify([
      ['sync', urls.B],
      ['async', other()],
    ]);
    const error = await failure(a.shout({ text }));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'SELF_DEADLOCK' });
    expect(error.message).toContain(`it would wait for itself: ${blocks('A')}, and`);
  });

  it('fails also over a connection that was there before.', async () => {
    expect(
      await a.shout(
        planned([
          ['async', 'B'],
          ['async', 'A'],
        ]),
      ),
    ).toEqual({ text: 'end' });
    const error = await failure(
      a.shout(
        planned([
          ['sync', 'B'],
          ['async', 'A'],
        ]),
      ),
    );
    expect(error).toMatchObject({ reason: 'SELF_DEADLOCK' });
  });

  it('fails also when it is called back over the connection of its caller.', async () => {
    expect(await a.shout(planned([['offer', 'B']]))).toEqual({ text: 'remember' });
    expect(await a.shout(planned([['async', 'B'], ['callback']]))).toEqual({ text: 'called back' });
    const error = await failure(a.shout(planned([['sync', 'B'], ['callback']])));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'SELF_DEADLOCK' });
    expect(error.message).toContain(`it would wait for itself: ${blocks('A')}, and`);
  });

  it('is told apart from one to a place of the same name in another process.', async () => {
    const text = JSON.stringify([
      ['sync', urls.B],
      ['async', 'inproc:desk'],
    ]);
    expect(await a.shout({ text })).toEqual({ text: 'end' });
  });

  it('is told apart from one that only comes by twice, or blocks for somebody else.', async () => {
    const fine: Hop[][] = [
      [['async', 'A']],
      [
        ['async', 'B'],
        ['async', 'A'],
        ['async', 'B'],
      ],
      [
        ['sync', 'B'],
        ['async', 'C'],
        ['async', 'B'],
      ],
      [
        ['async', 'B'],
        ['sync', 'C'],
        ['async', 'A'],
      ],
    ];
    for (const hops of fine) expect(await a.shout(planned(hops))).toEqual({ text: 'end' });
  });
});

describe('forbidSyncCalls', () => {
  it('has blocking calls of the thread fail with the words given, until it is undone.', async () => {
    const client = createSyncClient(Echo, urls.B, { timeout: 10_000 });
    const first = forbidSyncCalls('this event loop serves the web');
    const second = forbidSyncCalls('and the phone');
    expect(() => client.shout({ text: 'a' })).toThrow(
      expect.objectContaining({
        code: 'FAILED_PRECONDITION',
        reason: 'SYNC_FORBIDDEN',
        message: 'test.Echo/Shout: calls must not block this thread: this event loop serves the web; and the phone',
      }),
    );
    first();
    first();
    expect(() => client.shout({ text: 'a' })).toThrow('and the phone');
    second();
    expect(client.shout({ text: 'a' })).toEqual({ text: 'a' });
    client.$close();
    expect(() => forbidSyncCalls('')).toThrow('forbidSyncCalls: expected a reason in words');
  });
});
