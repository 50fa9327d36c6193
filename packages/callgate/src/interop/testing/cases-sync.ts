import assert from 'node:assert/strict';
import { Metadata, RpcError, type SyncClient } from '../../index.js';
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

type TestClient = SyncClient<typeof Test>;

const metadata = { [ECHO_HEADER]: HEADER, [ECHO_TRAILER]: TRAILER };

function fails(call: () => unknown, code: string, message?: string): void {
  try {
    call();
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    assert.equal(error.code, code);
    if (message !== undefined) assert.equal(error.message, message);
    return;
  }
  throw new Error('the call succeeded');
}

function sizes(replies: Iterable<{ readonly payload: Uint8Array }>): number[] {
  return Array.from(replies, ({ payload }) => payload.length);
}

/** Waits until the server's handlers have been told to stop, and none runs. */
function stoppedThere(client: TestClient, count: number): void {
  for (let stopped = 0; ; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)) {
    const now = client.aftermath({});
    stopped += now.stopped;
    if (stopped === count && now.running === 0) break;
    assert(stopped <= count, `${stopped} handlers were told to stop`);
  }
  assert.equal(client.$channel.stats.inFlight, 0);
}

function echoed(call: (options: object) => unknown): void {
  let headers = new Metadata();
  let trailers = new Metadata();
  call({
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

export const syncCases: readonly Case<TestClient>[] = [
  { name: 'empty unary', run: (client) => assert.deepEqual(client.emptyCall({}), {}) },
  {
    name: 'large unary',
    needs: 'large',
    run: (client) => {
      const { payload } = client.unaryCall({ replyBytes: LARGE_REPLY_BYTES, payload: LARGE_REQUEST });
      assert.equal(payload.length, LARGE_REPLY_BYTES);
    },
  },
  {
    name: 'client streaming',
    needs: 'streams',
    run: (client) => assert.deepEqual(client.streamingInput(REQUESTS), { bytes: 74_922 }),
  },
  {
    name: 'server streaming',
    needs: 'streams',
    run: (client) => assert.deepEqual(sizes(client.streamingOutput({ replyBytes: REPLY_SIZES })), REPLY_SIZES),
  },
  {
    name: 'ping-pong',
    needs: 'streams',
    run: (client) => assert.deepEqual(sizes(client.fullDuplex(PINGS)), REPLY_SIZES),
  },
  {
    name: 'empty stream',
    needs: 'streams',
    run: (client) => assert.deepEqual(sizes(client.fullDuplex([])), []),
  },
  {
    name: 'cancel after first response',
    needs: 'streams',
    run: (client) => {
      for (const { payload } of client.streamingOutput({ replyBytes: [31_415, 9, 9], intervalMs: 20 })) {
        assert.equal(payload.length, 31_415);
        break;
      }
      stoppedThere(client, 1);
    },
  },
  {
    name: 'timeout on sleeping server',
    needs: 'streams',
    run: (client) => {
      const asleep = [{ replyBytes: [31_415], intervalMs: 60_000 }];
      fails(() => sizes(client.fullDuplex(asleep, { timeout: 50 })), 'DEADLINE_EXCEEDED');
      stoppedThere(client, 1);
    },
  },
  { name: 'custom metadata', run: (client) => echoed((options) => client.unaryCall({ replyBytes: 10 }, options)) },
  {
    name: 'custom metadata of streams',
    needs: 'streams',
    run: (client) => echoed((options) => sizes(client.fullDuplex(PINGS, options))),
  },
  {
    name: 'status code and message',
    run: (client) => {
      const status = { code: 'UNKNOWN', message: 'test status message' };
      fails(() => client.unaryCall({ status }), 'UNKNOWN', status.message);
    },
  },
  {
    name: 'status code and message of streams',
    needs: 'streams',
    run: (client) => {
      const status = { code: 'UNKNOWN', message: 'test status message' };
      fails(() => sizes(client.fullDuplex([{ status }])), 'UNKNOWN', status.message);
      fails(() => sizes(client.streamingOutput({ replyBytes: [1], status })), 'UNKNOWN', status.message);
    },
  },
  {
    name: 'special status message',
    run: (client) =>
      fails(
        () => client.unaryCall({ status: { code: 'UNKNOWN', message: SPECIAL_MESSAGE } }),
        'UNKNOWN',
        SPECIAL_MESSAGE,
      ),
  },
  { name: 'unimplemented method', run: (client) => fails(() => client.unimplemented({}), 'UNIMPLEMENTED') },
  { name: 'unimplemented service', run: (_, { absent }) => fails(() => absent.unimplemented({}), 'UNIMPLEMENTED') },
];
