import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { type Client, Metadata, RpcError } from '../../index.js';
import type { Test } from './gen/interop.js';
import {
  type Case,
  ECHO_HEADER,
  ECHO_TRAILER,
  HEADER,
  LARGE_REPLY_BYTES,
  LARGE_REQUEST,
  PINGS,
  REPLY_SIZES,
  REQUESTS,
  SPECIAL_MESSAGE,
  TRAILER,
} from './payloads.js';

type TestClient = Client<typeof Test>;

const metadata = { [ECHO_HEADER]: HEADER, [ECHO_TRAILER]: TRAILER };

async function failure(call: PromiseLike<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('the call succeeded');
}

async function sizes(replies: AsyncIterable<{ readonly payload: Uint8Array }>): Promise<number[]> {
  const found: number[] = [];
  for await (const { payload } of replies) found.push(payload.length);
  return found;
}

/** Waits until the server's handlers have been told to stop, and none runs. */
async function stoppedThere(client: TestClient, count: number): Promise<void> {
  for (let stopped = 0; ; await setTimeout(5)) {
    const now = await client.aftermath({});
    stopped += now.stopped;
    if (stopped === count && now.running === 0) break;
    assert(stopped <= count, `${stopped} handlers were told to stop`);
  }
  assert.equal(client.$channel.stats.inFlight, 0);
}

async function echoed(call: (options: object) => Promise<unknown>): Promise<void> {
  let headers = new Metadata();
  let trailers = new Metadata();
  await call({
    metadata,
    onHeaders: (came: Metadata) => {
      headers = came;
    },
    onTrailers: (came: Metadata) => {
      trailers = came;
    },
  });
  assert.equal(headers.get(ECHO_HEADER), HEADER);
  assert.deepEqual(Uint8Array.from(trailers.get(ECHO_TRAILER) as Uint8Array), TRAILER);
}

async function fails(call: PromiseLike<unknown>, code: string, message?: string): Promise<void> {
  const error = await failure(call);
  assert.equal(error.code, code);
  if (message !== undefined) assert.equal(error.message, message);
}

export const asyncCases: readonly Case<TestClient>[] = [
  { name: 'empty unary', run: async (client) => assert.deepEqual(await client.emptyCall({}), {}) },
  {
    name: 'large unary',
    needs: 'large',
    run: async (client) => {
      const { payload } = await client.unaryCall({ replyBytes: LARGE_REPLY_BYTES, payload: LARGE_REQUEST });
      assert.equal(payload.length, LARGE_REPLY_BYTES);
    },
  },
  {
    name: 'client streaming',
    needs: 'streams',
    run: async (client) => {
      assert.deepEqual(await client.streamingInput(REQUESTS), { bytes: 74_922 });
    },
  },
  {
    name: 'server streaming',
    needs: 'streams',
    run: async (client) =>
      assert.deepEqual(await sizes(client.streamingOutput({ replyBytes: REPLY_SIZES })), REPLY_SIZES),
  },
  {
    name: 'ping-pong',
    needs: 'streams',
    run: async (client) => {
      let answered: () => void = () => undefined;
      async function* pings() {
        for (const ping of PINGS) {
          const answer = new Promise<void>((resolve) => {
            answered = resolve;
          });
          yield ping;
          await answer;
        }
      }
      const found: number[] = [];
      for await (const { payload } of client.fullDuplex(pings())) {
        found.push(payload.length);
        answered();
      }
      assert.deepEqual(found, REPLY_SIZES);
    },
  },
  {
    name: 'empty stream',
    needs: 'streams',
    run: async (client) => assert.deepEqual(await sizes(client.fullDuplex([])), []),
  },
  {
    name: 'cancel after begin',
    needs: 'streams',
    run: async (client) => {
      const stop = new AbortController();
      async function* silent() {
        yield { payload: new Uint8Array() };
        stop.abort();
        await setTimeout(60_000, undefined, { ref: false });
      }
      await fails(client.streamingInput(silent(), { signal: stop.signal }), 'CANCELLED');
      await stoppedThere(client, 1);
    },
  },
  {
    name: 'cancel after first response',
    needs: 'streams',
    run: async (client) => {
      async function* one() {
        yield PINGS[0]!;
        await setTimeout(60_000, undefined, { ref: false });
      }
      for await (const { payload } of client.fullDuplex(one())) {
        assert.equal(payload.length, REPLY_SIZES[0]);
        break;
      }
      await stoppedThere(client, 1);
    },
  },
  {
    name: 'timeout on sleeping server',
    needs: 'streams',
    run: async (client) => {
      const asleep = [{ replyBytes: [31_415], intervalMs: 60_000 }];
      await fails(sizes(client.fullDuplex(asleep, { timeout: 50 })), 'DEADLINE_EXCEEDED');
      await stoppedThere(client, 1);
    },
  },
  {
    name: 'custom metadata',
    run: (client) => echoed((options) => client.unaryCall({ replyBytes: 10 }, options)),
  },
  {
    name: 'custom metadata of streams',
    needs: 'streams',
    run: (client) => echoed((options) => sizes(client.fullDuplex(PINGS, options))),
  },
  {
    name: 'status code and message',
    run: async (client) => {
      const status = { code: 'UNKNOWN', message: 'test status message' };
      await fails(client.unaryCall({ status }), 'UNKNOWN', status.message);
    },
  },
  {
    name: 'status code and message of streams',
    needs: 'streams',
    run: async (client) => {
      const status = { code: 'UNKNOWN', message: 'test status message' };
      await fails(sizes(client.fullDuplex([{ status }])), 'UNKNOWN', status.message);
      await fails(sizes(client.streamingOutput({ replyBytes: [1], status })), 'UNKNOWN', status.message);
    },
  },
  {
    name: 'special status message',
    run: (client) =>
      fails(client.unaryCall({ status: { code: 'UNKNOWN', message: SPECIAL_MESSAGE } }), 'UNKNOWN', SPECIAL_MESSAGE),
  },
  { name: 'unimplemented method', run: (client) => fails(client.unimplemented({}), 'UNIMPLEMENTED') },
  {
    name: 'unimplemented service',
    run: (_, { absent }) => fails(absent.unimplemented({}) as Promise<unknown>, 'UNIMPLEMENTED'),
  },
  {
    name: 'many large unary calls at once',
    needs: 'large',
    run: async (client, { crowd }) => {
      const request = { replyBytes: LARGE_REPLY_BYTES, payload: LARGE_REQUEST };
      const calls = Array.from({ length: crowd }, async () => (await client.unaryCall(request)).payload.length);
      const found = new Set(await Promise.all(calls));
      assert.deepEqual([...found], [LARGE_REPLY_BYTES]);
    },
  },
];
