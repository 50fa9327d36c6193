import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClient, createServer, type RpcError } from './index.js';
import { Echo } from './testing/echo.js';
import { Notes } from './testing/notes.js';
import { cleanEnvironment } from './testing/run.js';

let folder: string;
let endings: (() => unknown)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-fifo-'));
  endings = [];
});
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

async function takeNotes(): Promise<{ url: string; notes: string[]; errors: RpcError[] }> {
  const notes: string[] = [];
  const errors: RpcError[] = [];
  const server = createServer({ onError: (error) => errors.push(error) });
  server.add(Notes, { note: ({ text }) => void notes.push(text) });
  const url = `fifo:${join(folder, 'notes')}`;
  await server.listen(url, { direction: 'receive' });
  endings.push(() => server.close());
  return { url, notes, errors };
}

function noter(url: string) {
  const client = createClient(Notes, url, { direction: 'send' });
  endings.push(() => client.$close());
  return client;
}

const poll: typeof expect.poll = (look) => expect.poll(look, { timeout: 10_000 });

test('One-way calls of several clients go over the one fifo of their server.', async () => {
  const { url, notes, errors } = await takeNotes();
  const [one, other] = [noter(url), noter(url)];
  for (let i = 0; i < 100; i++) await Promise.all([one.note({ text: `one ${i}` }), other.note({ text: `other ${i}` })]);
  await poll(() => notes.length).toBe(200);
  expect(notes.filter((note) => note.startsWith('one'))).toEqual(Array.from({ length: 100 }, (_, i) => `one ${i}`));
  expect(errors).toEqual([]);
});

test('A blocking one-way call returns when the server has taken it.', async () => {
  const { url, notes } = await takeNotes();
  const program = fileURLToPath(new URL('./testing/noter.child.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, url, 'this'], { env: cleanEnvironment() });
  expect(stdout).toBe('this was taken\n');
  await poll(() => notes).toEqual(['this']);
});

test('A call that does not fit in one write is refused with the limit.', async () => {
  const { url } = await takeNotes();
  await expect(noter(url).note({ text: 'x'.repeat(5000) })).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'MESSAGE_TOO_LARGE',
    message: expect.stringContaining('4052'),
  });
});

test('A Python program calls by writing to the fifo, and garbage written before and after harms nobody.', async () => {
  const { url, notes, errors } = await takeNotes();
  const code = `
import struct, sys, zlib
call = b"said by hand"
head = struct.pack("<HBBHBBIIIIII", 0x4743, 1, 2, 8, 0, 0, len(call), 0, 1, zlib.crc32(b"test.Notes/Note"), 0x7fffffff, 0)
def note(message):
    length = struct.pack("<I", len(message))
    return b"\\xcaGM\\x01" + length + struct.pack("<I", zlib.crc32(length + message)) + message
with open(sys.argv[1], "wb", buffering=0) as fifo:
    fifo.write(b"#!/bin/sh\\n")
    fifo.write(note(b"a message that is no call"))
    fifo.write(note(head + call))
    fifo.write(b"\\xca" * 100)
`;
  const python = spawn('python3', ['-c', code, join(folder, 'notes')], { stdio: 'inherit' });
  expect(await once(python, 'exit')).toEqual([0, null]);
  await poll(() => notes).toEqual(['said by hand']);
  await noter(url).note({ text: 'on it goes' });
  await poll(() => notes).toEqual(['said by hand', 'on it goes']);
  await poll(() => errors.map(({ code }) => code)).toEqual(['DATA_LOSS', 'DATA_LOSS', 'DATA_LOSS']);
});

test('A service that answers cannot be called one way, and a server of one cannot listen so.', async () => {
  const server = createServer();
  server.add(Echo, { shout: ({ text }) => ({ text }) });
  await expect(server.listen(`fifo:${join(folder, 'echo')}`, { direction: 'receive' })).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining('capability directions'),
  });
  await server.close();
});
