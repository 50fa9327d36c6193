import { existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { joinLinks, type Link, parseAddress } from '@callgate/core/transport';
import { loadAddon } from '@callgate/native';
import { expect, it } from 'vitest';
import { next, poll, put, rpcError, useStage } from '../testing/stage.js';
import { fifoTransport } from './transport.js';

const addon = loadAddon();
const stage = useStage(fifoTransport);
const fifo = (name: string): string => `fifo:${stage.path(name)}`;
const sender = fileURLToPath(new URL('./testing/sender.child.js', import.meta.url));
const send = { direction: 'send' } as const;
const receive = { direction: 'receive' } as const;

/** A writer of notes by hand: as note.ts draws them. */
const pythonNotes = `
import os, struct, sys, zlib
path = sys.argv[1]
def note(message):
    length = struct.pack("<I", len(message))
    return b"\\xcaGM\\x01" + length + struct.pack("<I", zlib.crc32(length + message)) + message
`;

function note(text: string): Buffer {
  const head = Buffer.from([0xca, 0x47, 0x4d, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(Buffer.byteLength(text), 4);
  head.writeUInt32LE(crc32(text, crc32(head.subarray(4, 8))), 8);
  return Buffer.concat([head, Buffer.from(text)]);
}

async function texts(link: Link, count: number): Promise<(string | null)[]> {
  const found: (string | null)[] = [];
  while (found.length < count) found.push(await next(link));
  return found;
}

it('carries messages one way, from any number of senders, over the one fifo', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  expect([link.direction, link.peer.addressing]).toEqual(['receive', 'mailbox']);
  const senders = await Promise.all([1, 2, 3].map(() => stage.connect(server.url, send)));
  for (const [i, one] of senders.entries()) {
    expect([one.direction, one.peer.addressing, one.maxMessageBytes]).toEqual(['send', 'mailbox', 4084]);
    put(one, `from ${i}`);
    put(one, '');
  }
  expect((await texts(link, 6)).sort()).toEqual(['', '', '', 'from 0', 'from 1', 'from 2']);
  expect(readdirSync(stage.scratch)).toEqual(['log']);
});

it('keeps messages of all sizes whole and each sender’s in order while several processes flood', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  const [processes, count] = [4, 2000];
  for (let i = 0; i < processes; i++)
    stage.run(process.execPath, [sender, 'flood', server.url, String(i), String(count)]);
  const nexts = new Array<number>(processes).fill(0);
  for (let i = 0; i < processes * count; i++) {
    // <who> <number> <a letter as often as the number says>
    const [who, number, letters] = (await next(link))!.split(' ') as [string, string, string];
    expect(Number(number)).toBe(nexts[Number(who)]);
    nexts[Number(who)]! += 1;
    if (letters !== who.repeat((Number(number) * 37) % 4000))
      throw new Error(`message ${number} of ${who} is mixed up`);
  }
  expect(server.errors).toEqual([]);
});

it('refuses a message that does not fit in one write, with the limit, and goes on', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const one = await stage.connect(server.url, send);
  expect(() => one.claim(4085)).toThrow("a message of 4085 bytes is over this link's limit of 4084");
  put(one, 'x'.repeat(4084));
  expect(await next(await server.accepted())).toBe('x'.repeat(4084));
});

it('takes what a Python program writes to the fifo by hand', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const python = stage.python(
    `${pythonNotes}
with open(path, "wb", buffering=0) as fifo:
    fifo.write(note(b"from Python")); fifo.write(note(b"x" * 4084))
print("done", flush=True)`,
    stage.path('log'),
  );
  const link = await server.accepted();
  expect(await texts(link, 2)).toEqual(['from Python', 'x'.repeat(4084)]);
  expect(await python.line()).toBe('done');
});

it('skips garbage, says how it began, and loses nothing of what others write', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  const one = await stage.connect(server.url, send);
  const stranger = addon.openFifo(stage.path('log'), 1);
  stage.later(() => stranger.close());
  const cases = [
    Buffer.from('hello?\n'),
    // The beginning of a message that goes on with somebody else's.
    note('never ends').subarray(0, 15),
    // A message whose checksum is wrong.
    Buffer.from(note('damaged').map((byte, i) => (i === 14 ? byte ^ 1 : byte))),
    // Longer than it may be.
    Buffer.from([0xca, 0x47, 0x4d, 1, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]),
    Buffer.from(Uint8Array.from({ length: 3000 }, (_, i) => (i * 7919) % 256)),
  ];
  for (const [i, garbage] of cases.entries()) {
    put(one, `before ${i}`);
    addon.write(stranger, garbage, 0, garbage.length);
    put(one, `after ${i}`);
    expect(await texts(link, 2)).toEqual([`before ${i}`, `after ${i}`]);
  }
  expect(server.errors).toHaveLength(cases.length);
  for (const error of server.errors.slice(0, 1)) {
    expect(error).toEqual(
      rpcError(
        'DATA_LOSS',
        'PROTOCOL_VIOLATION',
        `somebody wrote to ${stage.path('log')}`,
        '("hello?.")',
        'it was skipped',
      ),
    );
  }
});

it('skips a message over its own limit, with words', async () => {
  const server = await stage.listen(fifo('log'), { ...receive, maxMessageBytes: 100 });
  const one = await stage.connect(server.url, send);
  put(one, 'x'.repeat(101));
  put(one, 'short');
  expect(await next(await server.accepted())).toBe('short');
  expect(server.errors).toEqual([rpcError('RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE', '101 bytes', 'at most 100')]);
});

it('is full while nobody receives, and loses nothing of what it took', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  const one = await stage.connect(server.url, { ...send, batchBytes: 10_000 });
  let sent = 0;
  for (let span = one.claim(1000); span !== null; span = one.claim(1000)) {
    span.bytes.fill(48 + (sent % 10), span.start, span.end);
    one.commit(1000);
    one.flush();
    sent += 1;
  }
  expect(sent).toBeGreaterThan(60);
  expect(await one.whenWritable(1000, performance.now() + 20)).toBe(false);
  const room = one.whenWritable(1000, Number.POSITIVE_INFINITY);
  for (let i = 0; i < sent; i++) expect(await next(link)).toBe(String(i % 10).repeat(1000));
  expect(await room).toBe(true);
});

it('delivers what was committed before a close, and leaves the others’ link alone', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  const [one, other] = await Promise.all([stage.connect(server.url, send), stage.connect(server.url, send)]);
  put(one, 'last words');
  await one.close();
  put(other, 'still here');
  expect(await texts(link, 2)).toEqual(['last words', 'still here']);
  expect(link.end).toBeUndefined();
});

it('refuses to send at the receiving end, naming the capability, and shows the sending end no message', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  expect(() => link.claim(1)).toThrow(/capability: directions/);
  const one = await stage.connect(server.url, send);
  expect(one.receive()).toBeNull();
  expect(one.ended).toBe(false);
  expect(await one.whenReadable(performance.now() + 20)).toBe(false);
});

it('tells senders at once when the server is killed, and when it closes its link', async () => {
  const killed = stage.run(process.execPath, [sender, 'listen', fifo('kept-log')]);
  expect(await killed.line()).toBe('listening');
  const one = await stage.connect(fifo('kept-log'), send);
  process.kill(killed.pid, 'SIGKILL');
  expect((await one.closed).error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED'));
  const server = await stage.listen(fifo('log'), receive);
  const other = await stage.connect(server.url, send);
  await (await server.accepted()).close();
  expect((await other.closed).error.code).toBe('UNAVAILABLE');
  expect(existsSync(stage.path('log'))).toBe(false);
});

it('goes on with its link after it has stopped listening, and nobody new comes', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  const one = await stage.connect(server.url, send);
  await server.listener.close();
  expect(readdirSync(stage.scratch)).toEqual([]);
  put(one, 'still here');
  expect(await next(link)).toBe('still here');
  await expect(stage.connect(server.url, send)).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'there is no fifo'),
  );
});

it('has its mode, and takes over a stale fifo but no file', async () => {
  addon.makeFifo(stage.path('log'), 0o600);
  await stage.listen(fifo('log'), { ...receive, mode: 0o622 });
  expect(lstatSync(stage.path('log')).mode & 0o777).toBe(0o622);
  writeFileSync(stage.path('kept-file'), 'precious');
  await expect(stage.connect(fifo('kept-file'), send)).rejects.toEqual(
    rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', 'is a regular file, not a fifo'),
  );
  await expect(stage.listen(fifo('log'), receive)).rejects.toEqual(
    rpcError('ALREADY_EXISTS', 'ADDRESS_IN_USE', 'is in use'),
  );
});

it('tells a client that wants a link both ways that this server only receives', async () => {
  const server = await stage.listen(fifo('log'), receive);
  // Somebody must read the fifo: its link does when it is asked for messages.
  const waiting = (await server.accepted()).whenReadable(Number.POSITIVE_INFINITY);
  await expect(stage.connect(server.url)).rejects.toEqual(
    rpcError('FAILED_PRECONDITION', 'UNSUPPORTED', 'connect with direction send, not duplex'),
  );
  expect(readdirSync(stage.scratch)).toEqual(['log']);
  put(await stage.connect(server.url, send), 'on it goes');
  expect(await waiting).toBe(true);
});

it('tells a server both ways that somebody sends to it one way', async () => {
  const server = await stage.listen(fifo('geo'));
  put(await stage.connect(server.url, send), 'to nobody');
  await poll(() => server.errors.length).toBe(1);
  expect(server.errors[0]).toEqual(
    rpcError('FAILED_PRECONDITION', 'UNSUPPORTED', 'connect with direction duplex, not send'),
  );
  await stage.connect(server.url);
});

it('blocks a sender until all is taken, or the deadline or the end of the server comes', async () => {
  const server = await stage.listen(fifo('log'), receive);
  const link = await server.accepted();
  const blocked = stage.run(process.execPath, [sender, 'taken', server.url]);
  expect(await blocked.line()).toBe('within 30 ms: false');
  expect(await blocked.line()).toBe('waiting');
  expect(await texts(link, 2)).toEqual(['first', 'second']);
  expect(await blocked.line()).toBe('without end: true');
  expect(await next(link)).toBe('third');
  expect(await blocked.line()).toBe('waiting for nobody');
  link.abort();
  expect(await blocked.line()).toBe('without end: false UNAVAILABLE');
});

it('makes a link both ways of two fifos, one each way', async () => {
  const [up, down] = [await stage.listen(fifo('up'), receive), await stage.listen(fifo('down'), receive)];
  const client = joinLinks(await stage.connect(up.url, send), await down.accepted());
  const server = joinLinks(await stage.connect(down.url, send), await up.accepted());
  put(client, 'question');
  expect(await next(server)).toBe('question');
  put(server, 'answer');
  expect(await next(client)).toBe('answer');
});

it('refuses a thread that would wait for itself', async () => {
  const server = await stage.listen(fifo('log'), receive);
  expect(() => fifoTransport.connectSync(parseAddress(server.url), send, performance.now() + 1000)).toThrow(
    /served by this very thread/,
  );
});
