import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Desk } from './faults/testing/gen/desk.js';
import {
  type Client,
  type ClientSettings,
  createCallgate,
  createClient,
  createSyncClient,
  RpcError,
  releaseLoan,
} from './index.js';
import { loadService } from './load.js';

/** No power of two, so that a loan, whose block is one, is known by the size of its memory. */
const LARGE = 3_000_000;

let folder: string;
let endings: (() => unknown)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-loans-'));
  endings = [];
});
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  expect(blocks()).toBe(0);
  rmSync(folder, { recursive: true });
});

async function serve(scheme = 'shm', trusted = 'trusted'): Promise<{ url: string; child: ChildProcess }> {
  const url = `${scheme}:${join(folder, `${scheme}.sock`)}`;
  const program = new URL('./testing/loans.child.js', import.meta.url);
  const env = { ...process.env, ...(trusted === 'configured' && { CALLGATE_SERVICES__faults_Desk__TRUSTED: 'true' }) };
  const child = fork(program, [url, trusted], { env, execArgv: ['--expose-gc'] });
  endings.push(() => child.kill('SIGKILL'));
  await once(child, 'message');
  return { url, child };
}

function connect(url: string, options: ClientSettings<'duplex'> = {}): Client<typeof Desk> {
  const client = createClient(Desk, url, { timeout: 20_000, ...options });
  endings.push(() => client.$close());
  return client;
}

/** Blocks of shared memory that a process has mapped. */
function blocks(pid: number | 'self' = 'self'): number {
  return readFileSync(`/proc/${pid}/maps`, 'utf8').split('memfd:callgate-block').length - 1;
}

function patterned(bytes: Buffer): Buffer {
  for (let i = 0; i < bytes.length; i += 4096) bytes.writeUInt8((i * 7) & 255, i);
  return bytes;
}

async function failure(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (RpcError.is(error)) return error;
  throw error;
}

test('What is in allocated memory reaches a server that trusts its clients without a copy, however much it is.', async () => {
  const { url } = await serve();
  const client = connect(url);
  for (const bytes of [LARGE, 64 * 1024 * 1024 + 1]) {
    const data = patterned(await client.$channel.allocate(bytes));
    const sum = crc32(data);
    expect((await client.echo({ text: 'release', data, number: 5 })).text).toBe(`lent ${bytes} ${sum} 5`);
  }
});

test('A configuration can say that both sides trust each other.', async () => {
  const { url } = await serve('shm', 'configured');
  const client = createCallgate({ config: { services: { 'faults.Desk': { url, trusted: true } } } }).createClient(Desk);
  endings.push(() => client.$close());
  const data = patterned(await client.$channel.allocate(LARGE));
  expect((await client.echo({ text: 'release', data, number: 5 })).text).toBe(`lent ${LARGE} ${crc32(data)} 5`);
});

test('A part of it can be sent, and two parts of it, and what lies elsewhere beside it.', async () => {
  const { url } = await serve();
  const client = connect(url);
  const memory = patterned(await client.$channel.allocate(LARGE));
  const part = memory.subarray(100_000, 200_000);
  const sum = crc32(part);
  expect((await client.echo({ text: 'release', data: part })).text).toBe(`lent 100000 ${sum} 0`);
  const other = Buffer.alloc(100_000, 7);
  expect((await client.echo({ text: 'release', data: other })).text).toBe(`copied 100000 ${crc32(other)} 0`);
});

test('A server that does not trust its clients gets a copy, and the memory comes back at once.', async () => {
  const { url } = await serve('shm', 'wary');
  const client = connect(url);
  for (let i = 0; i < 50; i++) {
    const data = patterned(await client.$channel.allocate(LARGE));
    const sum = crc32(data);
    expect((await client.echo({ data })).text).toBe(`copied ${LARGE} ${sum} 0`);
  }
  // The server may still be at the end of the last call when the next one begins.
  expect(blocks()).toBeLessThanOrEqual(2);
});

test('Released memory is used again.', async () => {
  const { url, child } = await serve();
  const client = connect(url);
  for (let i = 0; i < 50; i++) {
    const data = await client.$channel.allocate(LARGE);
    await client.echo({ text: 'release', data });
  }
  expect([blocks(), blocks(child.pid)]).toEqual([1, 1]);
});

test('Loans that the server merely forgets come back when they are collected.', async () => {
  const { url, child } = await serve();
  const client = connect(url, { transport: { maxSharedBytes: 32 * 1024 * 1024 } });
  for (let i = 0; i < 7; i++) await client.echo({ data: await client.$channel.allocate(LARGE) });
  expect(blocks(child.pid)).toBe(7);
  await client.echo({ text: 'forget' });
  await expect
    .poll(
      async () => {
        await client.held({});
        return blocks(child.pid);
      },
      { timeout: 10_000 },
    )
    .toBe(0);
  for (let i = 0; i < 7; i++) await client.echo({ data: await client.$channel.allocate(LARGE) });
});

test('Where nothing is released, the next allocation says so.', async () => {
  const { url } = await serve();
  const client = connect(url, { transport: { maxSharedBytes: 10_000_000 } });
  for (let i = 0; i < 2; i++) await client.echo({ data: await client.$channel.allocate(LARGE) });
  const error = await failure(client.$channel.allocate(LARGE));
  expect(error.code).toBe('RESOURCE_EXHAUSTED');
  expect(error.message).toBe(
    "3000000 bytes of shared memory can't be had: this side of the link has 8388608 bytes in blocks (at most 10000000, option maxSharedBytes), of which the peer has 2 blocks on loan and has not released them, and 0 are allocated and not sent",
  );
  await client.echo({ text: 'release' });
  await client.echo({ data: await client.$channel.allocate(LARGE) });
});

test('What was sent can not be sent again; what was not sent can be given back, or lost with the client.', async () => {
  const { url } = await serve();
  const client = connect(url, { transport: { maxSharedBytes: 5_000_000 } });
  const data = await client.$channel.allocate(LARGE);
  await client.echo({ text: 'release', data });
  const error = await failure(client.echo({ data }));
  expect([error.code, error.message]).toEqual([
    'FAILED_PRECONDITION',
    'this memory was sent or given back before, and is not to be used any more: allocate other memory for each message',
  ]);
  const unsent = await client.$channel.allocate(LARGE);
  expect(releaseLoan(unsent)).toBe(true);
  const lost = await client.$channel.allocate(LARGE);
  await client.$close();
  expect(lost.length).toBe(0);
});

test('A reply brings memory of the server: a loan for a client that trusts it, a copy for one that does not.', async () => {
  const { url, child } = await serve();
  const wary = connect(url);
  const trusting = connect(url, { trusted: true });
  for (let i = 0; i < 20; i++) {
    const { data } = await wary.fill({ number: LARGE });
    expect([data.length, data.buffer.byteLength, data[4096 * 9]]).toEqual([LARGE, LARGE, 9]);
    const loan = (await trusting.fill({ number: LARGE })).data;
    expect([loan.length, loan.buffer.byteLength, loan[4096 * 9]]).toEqual([LARGE, 4_194_304, 9]);
    expect([releaseLoan(loan), releaseLoan(data)]).toEqual([true, false]);
  }
  expect(blocks(child.pid)).toBe(2);
});

test('A loan outlives its link, and is unmapped when it is released.', async () => {
  const { url, child } = await serve();
  const client = connect(url, { trusted: true });
  const { data } = await client.fill({ number: LARGE });
  child.kill('SIGKILL');
  const end = await failure(client.wait({ number: 10_000 }));
  expect(end.reason).toBe('PEER_DIED');
  expect([data.length, data[4096 * 9]]).toEqual([LARGE, 9]);
  expect(blocks()).toBe(1);
  releaseLoan(data);
  expect(data.length).toBe(0);
});

test('What a killed server had on loan comes back.', async () => {
  const first = await serve();
  const client = connect(first.url, { transport: { maxSharedBytes: 5_000_000 } });
  await client.echo({ data: await client.$channel.allocate(LARGE) });
  first.child.kill('SIGKILL');
  await expect.poll(() => client.$channel.peer).toBe(undefined);
  expect(blocks()).toBe(0);
  await serve();
  const data = await client.$channel.allocate(LARGE);
  expect((await client.echo({ data })).text).toMatch(/^lent /);
});

test('A blocking client allocates, too.', async () => {
  const { url } = await serve();
  using client = createSyncClient(Desk, url, { timeout: 20_000, trusted: true });
  const data = patterned(client.$channel.allocate(LARGE));
  const sum = crc32(data);
  expect(client.echo({ text: 'release', data }).text).toBe(`lent ${LARGE} ${sum} 0`);
  expect(releaseLoan(client.fill({ number: LARGE }).data)).toBe(true);
});

test('Where no memory is shared, and for little, the same program sends a copy.', async () => {
  const { url } = await serve('unix');
  const client = connect(url);
  const data = patterned(await client.$channel.allocate(LARGE));
  expect((await client.echo({ data })).text).toBe(`copied ${LARGE} ${crc32(data)} 0`);
  expect((await client.fill({ number: LARGE })).data.length).toBe(LARGE);
  const near = connect((await serve()).url);
  const little = await near.$channel.allocate(1000);
  expect((await near.echo({ data: little })).text).toBe(`copied 1000 ${crc32(little)} 0`);
  expect(blocks()).toBe(0);
});

test('A service that is loaded at run time sends and receives by reference, too.', async () => {
  const { url } = await serve();
  const proto = new URL('../src/faults/testing/proto/desk.proto', import.meta.url);
  const client = createClient(loadService(fileURLToPath(proto), 'faults.Desk'), url, {
    timeout: 20_000,
    trusted: true,
  });
  endings.push(() => client.$close());
  const methods = client as unknown as Client<typeof Desk>;
  const data = patterned(await client.$channel.allocate(LARGE));
  const sum = crc32(data);
  expect((await methods.echo({ text: 'release', data })).text).toBe(`lent ${LARGE} ${sum} 0`);
  const loan = (await methods.fill({ number: LARGE })).data;
  expect([loan[4096 * 9], releaseLoan(loan)]).toEqual([9, true]);
});

test('Bytes that look like a reference are bytes.', async () => {
  const { url } = await serve();
  const client = connect(url);
  for (let i = 0; i < 5; i++) {
    const data = Buffer.alloc(16, i);
    expect((await client.echo({ data })).text).toBe(`copied 16 ${crc32(data)} 0`);
  }
});

test.each([-1, 1.5, Number.NaN, 2 ** 40])('Refuses to allocate %s bytes.', async (bytes) => {
  const { url } = await serve();
  const error = await failure(connect(url).$channel.allocate(bytes));
  expect(error.code).toBe(bytes > 0 && bytes !== 1.5 ? 'RESOURCE_EXHAUSTED' : 'INVALID_ARGUMENT');
});
