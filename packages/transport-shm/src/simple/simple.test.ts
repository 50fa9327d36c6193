import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClientOn, createServerOn, type RpcError } from '@callgate/core';
import { loadService } from '@callgate/core/codec/load';
import { type Link, parseAddress } from '@callgate/core/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simpleShmTransport } from './transport.js';

const proto = `
  syntax = "proto3";
  package test;
  message Text { bytes text = 1; }
  service Echo { rpc Echo(Text) returns (Text); }
`;
const Echo = loadService({ sources: { 'echo.proto': proto } }, 'test.Echo');
type Echoing = { echo(request: { text: Uint8Array }): Promise<{ text: Uint8Array }> };

let folder: string;
const clearing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-simple-'));
});
afterEach(async () => {
  for (const clear of clearing.splice(0).reverse()) await clear();
  rmSync(folder, { recursive: true, force: true });
});

/** The peer in Python, standard library only: it meets at the socket, maps the memory and moves the status words. */
function python(...args: string[]): ChildProcess {
  const program = fileURLToPath(new URL('../../src/simple/testing/peer.py', import.meta.url));
  const child = spawn('python3', [program, join(folder, 'simple.sock'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  clearing.push(() => child.kill('SIGKILL'));
  return child;
}

function target(transportOptions = {}) {
  return {
    address: parseAddress(`shm+simple:${join(folder, 'simple.sock')}`),
    transport: simpleShmTransport,
    transportOptions,
  };
}

async function serve(transportOptions = {}) {
  const errors: RpcError[] = [];
  const server = createServerOn(() => [target(transportOptions)], { onError: (error) => errors.push(error) });
  await server.add(Echo, { echo: (request: unknown) => request } as never).listen();
  clearing.push(() => server.close({ timeoutMs: 0 }));
  return { server, errors };
}

function connect(transportOptions = {}): Echoing {
  const client = createClientOn(Echo, () => target(transportOptions));
  clearing.push(() => client.$close());
  return client as unknown as Echoing;
}

describe('A call over two slots', () => {
  it('has at most 500 bytes with its envelope, and says so of one that has more.', async () => {
    await serve();
    const client = connect();
    // Three bytes of protobuf say that a text follows, and how long it is.
    const most = new Uint8Array(500 - 32 - 3).fill(7);
    expect((await client.echo({ text: most })).text).toEqual(most);
    const error = await client.echo({ text: new Uint8Array(500 - 32 - 2) }).catch((thrown: RpcError) => thrown);
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
    expect((error as RpcError).message).toBe(
      'the message has 469 bytes; this channel carries at most 468 (messages of this link have at most 500 bytes, less the envelope)',
    );
    expect((await client.echo({ text: most })).text, 'the channel goes on').toEqual(most);
  });

  it('is answered after a rest, at the latest when the longest pause is over.', async () => {
    await serve({ longestPauseMs: 60 });
    const client = connect({ longestPauseMs: 60 });
    const text = Uint8Array.of(1);
    await client.echo({ text });
    await setTimeout(400);
    expect((await client.echo({ text })).text).toEqual(text);
  });

  it('comes from a program in Python that knows nothing but the layout of the memory.', async () => {
    await serve();
    const child = python('call', 'test.Echo/Echo');
    const printed = text(child.stdout!);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await printed).toBe('reply 2 status 0: hello from Python\n');
  });
});

describe('A peer', () => {
  /** What a link to a peer that plays tricks ends with. */
  async function endOf(trick: string): Promise<string> {
    const { address } = target();
    let accept!: (link: Link) => void;
    const accepted = new Promise<Link>((resolve) => {
      accept = resolve;
    });
    const listener = await simpleShmTransport.listen(address, {}, accept);
    clearing.push(() => listener.close());
    python('trick', trick);
    const link = await accepted;
    clearing.push(() => link.abort());
    while (link.receive() === null && !link.ended) await link.whenReadable(Number.POSITIVE_INFINITY);
    return `${link.end?.error.code}: ${link.end?.error.message}`;
  }

  it('that writes a status which is none is disconnected, in words.', async () => {
    expect(await endOf('status')).toMatch(
      /^DATA_LOSS: the peer at shm\+simple:.* \(process \d+\) broke the layout of the slots: a slot has the status 7$/,
    );
  });

  it('that claims a message which is longer than a slot is disconnected, in words.', async () => {
    expect(await endOf('length')).toMatch(/broke the layout of the slots: a slot of 500 bytes has a message of 501$/);
  });

  it('that dies is noticed at once, though both sides sleep between looks.', async () => {
    expect(await endOf('death')).toMatch(/^UNAVAILABLE: the peer at .* died or dropped the link$/);
  });

  it('of shm: is told that this is another mechanism.', async () => {
    const { shmTransport } = await import('../memfd/transport.js');
    const { address } = target();
    const listener = await shmTransport.listen({ ...address, scheme: 'shm' }, {}, (link) => link.abort());
    clearing.push(() => listener.close());
    const client = connect();
    const error = await client.echo({ text: Uint8Array.of(1) }).catch((thrown: RpcError) => thrown);
    expect((error as RpcError).message).toMatch(
      /slots of 16777216 bytes are not those of shm\+simple:, which have 500$/,
    );
  });
});

describe('Two sides at rest', () => {
  it('cost next to nothing, though both look.', async () => {
    await serve();
    const client = connect();
    await client.echo({ text: Uint8Array.of(1) });
    // Until the pauses have grown.
    await setTimeout(500);
    const before = process.cpuUsage();
    await setTimeout(2000);
    const { user, system } = process.cpuUsage(before);
    // Both are in this process, and the test runner is, too: a hundredth of the time would be 20 ms.
    expect((user + system) / 1000).toBeLessThan(100);
  });
});
