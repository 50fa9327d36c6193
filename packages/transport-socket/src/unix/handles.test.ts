/** Handles at the mechanism's level: what other programs send and receive, and what bad ones do. */
import { mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Handle, handleOf, type Link } from '@callgate/core/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Listening, type Python, rpcError, soon, useStage } from './testing/stage.js';

const stage = useStage();
let server: Listening;
let folder = '';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-handles-'));
  server = await stage.listen(stage.url('geo'), { maxMessageBytes: 100_000 });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const prelude = `
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
TAKES = MARK = 0x80000000
s.sendall(b"\\xcaGS\\x01" + struct.pack("<I", 100000 | TAKES))
def exactly(n):
    found = b""
    while len(found) < n: found += s.recv(n - len(found))
    return found
assert exactly(8)[:4] == b"\\xcaGS\\x01"
def frame(m, mark=0): return struct.pack("<I", len(m) | mark) + m
def file(n, content):
    path = os.path.join(sys.argv[2], n)
    with open(path, "w") as f: f.write(content)
    return os.open(path, os.O_RDONLY)
`;

function python(code: string): Python {
  return stage.python(prelude + code, stage.path('geo'), folder);
}

interface Received {
  readonly text: string;
  /** What is in the files that came with it. */
  readonly files: readonly string[];
}

function contents(handles: readonly Handle[]): string[] {
  return handles.map((handle) => {
    const content = readFileSync(handle.value, 'utf8');
    handle.close();
    return content;
  });
}

/** The next message; null at the end. */
async function receive(link: Link): Promise<Received | null> {
  for (;;) {
    const span = link.receive();
    if (span !== null) {
      const text = span.bytes.toString('latin1', span.start, span.end);
      const files = contents(link.takeHandles());
      link.release();
      return { text, files };
    }
    if (link.ended) return null;
    await link.whenReadable(soon());
  }
}

function opened(name: string): Handle {
  writeFileSync(join(folder, name), `file ${name}`);
  return handleOf(openSync(join(folder, name), 'r'));
}

function send(link: Link, text: string, handles: readonly Handle[]): void {
  const span = link.claim(text.length)!;
  span.bytes.write(text, span.start, 'latin1');
  link.commit(text.length, handles);
}

/** Descriptors of this process that are open on files of the folder. */
function left(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

it('takes descriptors that a Python program sends, and hands some to it', async () => {
  const other = python(`
socket.send_fds(s, [frame(b"here they are", MARK)], [file("a", "from Python"), file("b", "twice")])
header, fds, flags, _ = socket.recv_fds(s, 4, 8)
length = struct.unpack("<I", header)[0]
assert length & MARK and len(fds) == 2 and flags == 0, (length, fds, flags)
print(exactly(length & ~MARK).decode(), os.read(fds[0], 99).decode(), os.read(fds[1], 99).decode(), flush=True)
exactly(4 + 5)
print(os.get_inheritable(fds[0]), flush=True)`);
  const link = await server.accepted();
  expect(await receive(link)).toEqual({ text: 'here they are', files: ['from Python', 'twice'] });
  const handles = [opened('one'), opened('two')];
  send(link, 'and back', handles);
  send(link, 'plain', []);
  link.flush();
  expect(handles.map(({ value }) => value)).toEqual([-1, -1]);
  expect(await other.line()).toBe('and back file one file two');
  await other.exited;
  expect(left()).toBe(0);
});

it('keeps each handle with its message when several are written at once and one comes byte by byte', async () => {
  python(`
socket.send_fds(s, [frame(b"1", MARK) + frame(b"2") + frame(b"3")], [file("1", "one")])
s.sendall(frame(b"4"))
m = frame(b"5" * 90000, MARK)
socket.send_fds(s, [m[:1]], [file("5", "five")])
for byte in m[1:20]: s.send(bytes([byte]))
s.sendall(m[20:])
socket.send_fds(s, [frame(b"6", MARK)], [file("6", "six")])
input()`);
  const link = await server.accepted();
  const found: Received[] = [];
  for (let i = 0; i < 6; i++) found.push((await receive(link))!);
  expect(found.map(({ text }) => text[0])).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(found.map(({ files }) => files)).toEqual([['one'], [], [], [], ['five'], ['six']]);
});

it('closes descriptors that belong to no message, and those beyond what can travel, and goes on', async () => {
  const other = python(`
fd = file("x", "x")
for i in range(20):
    socket.send_fds(s, [frame(b"unannounced")], [fd] * 200)
    socket.send_fds(s, [frame(b"crowded", MARK)], [fd] * 200)
    m = frame(b"inside" * 1000)
    s.sendall(m[:50]); socket.send_fds(s, [m[50:51]], [fd] * 200); socket.send_fds(s, [m[51:]], [fd] * 200)
print("sent", flush=True); input()`);
  const link = await server.accepted();
  for (let i = 0; i < 20; i++) {
    expect(await receive(link)).toEqual({ text: 'unannounced', files: [] });
    const crowded = await receive(link);
    expect(crowded?.files.length).toBe(64);
    expect((await receive(link))?.text.length).toBe(6000);
    expect(left()).toBe(0);
  }
  await other.line();
  expect(link.end).toBeUndefined();
});

it('disconnects who announces descriptors and sends none, and tells him', async () => {
  const other = python(`
s.sendall(frame(b"fine") + frame(b"none", MARK))
print(s.recv(4096)[8:].decode("latin1"), flush=True)`);
  const link = await server.accepted();
  expect((await receive(link))?.text).toBe('fine');
  expect(await receive(link)).toBeNull();
  expect(link.end?.error).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', 'descriptors', 'sent none'));
  expect(await other.line()).toContain('announced open file descriptors with a message, and sent none');
});

it('refuses to send handles to a peer that has not said that it takes them', async () => {
  stage.python(
    `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"\\xcaGS\\x01\\0\\x10\\0\\0"); input()`,
    stage.path('geo'),
  );
  const link = await server.accepted();
  using handle = opened('kept');
  const words = ['no open file descriptors can travel', 'handlesPerMessage'];
  expect(() => send(link, 'x', [handle])).toThrow(rpcError('FAILED_PRECONDITION', 'UNSUPPORTED', ...words) as Error);
  expect(readFileSync(handle.value, 'utf8')).toBe('file kept');
});

it('closes what a dead peer sent and nobody received, and delivers what it sent whole', async () => {
  const other = python(`
socket.send_fds(s, [frame(b"whole", MARK)], [file("w", "whole")])
socket.send_fds(s, [frame(b"unread", MARK)], [file("u", "unread")])
socket.send_fds(s, [frame(b"half", MARK)[:6]], [file("h", "half")])
os.kill(os.getpid(), 9)`);
  const link = await server.accepted();
  await other.exited;
  expect(await receive(link)).toEqual({ text: 'whole', files: ['whole'] });
  expect(await link.whenReadable(soon())).toBe(true);
  link.abort();
  await expect.poll(left).toBe(0);
});

it('ends the link with a clear error when the receiver may open no more files', async () => {
  const child = stage.child(64);
  await child.call('connect', server.url);
  const link = await server.accepted();
  await child.call('exhaust', 1);
  const handles = ['a', 'b', 'c'].map(opened);
  send(link, 'three', handles);
  link.flush();
  const words = ['the link with the peer at unix:', 'failed', 'EMFILE', 'more descriptors arrived than'];
  await expect(child.call('end').catch((error) => error)).resolves.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  const end = await child.call('end');
  for (const word of words) expect(end.message).toContain(word);
  expect(end.reason).toBe('TOO_MANY_FILES');
  expect((await link.closed).by).toBe('peer');
  expect(left()).toBe(0);
});
