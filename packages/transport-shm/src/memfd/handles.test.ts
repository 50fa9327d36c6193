/** Handles beside the ring, at the mechanism's level: a Python program writes the ring and the socket itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { handleOf, type Link, type Listener, parseAddress } from '@callgate/core/transport';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shmTransport } from './transport.js';

const prelude = `
import mmap, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
welcome, fds, flags, _ = socket.recv_fds(s, 16, 1)
way = struct.unpack_from("<I", welcome, 8)[0]
memory = mmap.mmap(fds[0], 4096 + 2 * way)
sent = 0
def file(n, content):
    path = os.path.join(sys.argv[2], n)
    with open(path, "w") as f: f.write(content)
    return os.open(path, os.O_RDONLY)
# A record in ring 0, which is this side's, says how many descriptors are its own.
def publish(m, handles):
    global sent
    at = 4096 + sent
    memory[at + 8 : at + 8 + len(m)] = m
    struct.pack_into("<II", memory, at, len(m) | (1 << 30 if handles else 0), handles)
    sent += (len(m) + 8 + 7) & ~7
    struct.pack_into("<I", memory, 128, sent)
    s.send(b"\\0")
`;

let folder: string;
let listener: Listener;
let accept: Promise<Link>;
let children: ChildProcess[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-beside-'));
  children = [];
  const address = parseAddress(`shm:${join(folder, 'geo')}`);
  accept = new Promise((resolve, reject) => {
    shmTransport.listen(address, {}, resolve, reject).then((made) => {
      listener = made;
    }, reject);
  });
  await expect.poll(() => listener?.url).toBe(address.url);
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  (await accept).abort();
  await listener.close();
  expect(openFiles()).toEqual([]);
  rmSync(folder, { recursive: true });
});

function python(code: string) {
  const child = spawn('python3', ['-c', prelude + code, join(folder, 'geo'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value as string };
}

/** Names of files of the folder that this process has open. */
function openFiles(): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith(`${folder}/`));
}

/** The next message with what is in the files that came with it; null at the end. */
async function receive(link: Link): Promise<string | null> {
  for (;;) {
    const span = link.receive();
    if (span !== null) {
      const text = span.bytes.toString('latin1', span.start, span.end);
      const files = link.takeHandles().map((handle) => {
        using open = handle;
        return readFileSync(open.value, 'utf8');
      });
      link.release();
      return [text, ...files].join(', ');
    }
    if (link.ended) return null;
    await link.whenReadable(performance.now() + 10_000);
  }
}

test('Takes descriptors that a Python program sends beside the ring, and hands some to it.', async () => {
  const other = python(`
socket.send_fds(s, [b"\\0"], [file("a", "from Python"), file("b", "twice")])
publish(b"two", 2)
publish(b"none", 0)
publish(b"one", 1) if socket.send_fds(s, [b"\\0"], [file("c", "third")]) else None
got = []
while not got: data, got, flags, _ = socket.recv_fds(s, 99, 8)
while struct.unpack_from("<I", memory, 640)[0] == 0: pass # sent before they are published
length, count = struct.unpack_from("<II", memory, 4096 + way)
print(length == 4 | 1 << 30, count, memory[4096 + way + 8 : 4096 + way + 12].decode(), os.read(got[0], 99).decode(), flush=True)
input()`);
  const link = await accept;
  expect([await receive(link), await receive(link), await receive(link)]).toEqual([
    'two, from Python, twice',
    'none',
    'one, third',
  ]);
  writeFileSync(join(folder, 'back'), 'in back');
  const handle = handleOf(openSync(join(folder, 'back'), 'r'));
  const span = link.claim(4)!;
  span.bytes.write('here', span.start, 'latin1');
  link.commit(4, [handle]);
  expect(handle.value).toBe(-1);
  expect(await other.line()).toBe('True 1 here in back');
});

test.each([
  ['announces some and sends none', 'publish(b"none", 1)', 'a message announced 1 handles, which did not come'],
  [
    'announces others than it sends',
    'socket.send_fds(s, [b"\\0"], [file("x", "x")]); publish(b"two", 2)',
    'a message announced 2 handles, which did not come',
  ],
  ['announces a negative number', 'publish(b"odd", 0x3fffffff + 0x3fffffff + 3)', 'handles'],
])('Disconnects a peer that %s.', async (_, code, words) => {
  python(`
publish(b"fine", 0)
${code}
input()`);
  const link = await accept;
  expect(await receive(link)).toBe('fine');
  expect(await receive(link)).toBeNull();
  expect(link.end).toMatchObject({ by: 'fault', error: { code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION' } });
  expect(link.end?.error.message).toContain(words);
});

test('Closes what a killed peer sent and nobody received, and delivers what it published.', async () => {
  const { child } = python(`
socket.send_fds(s, [b"\\0"], [file("w", "whole")])
publish(b"whole", 1)
socket.send_fds(s, [b"\\0"], [file("u", "unpublished")])
os.kill(os.getpid(), 9)`);
  await once(child, 'exit');
  const link = await accept;
  expect(await receive(link)).toBe('whole, whole');
  expect(await receive(link)).toBeNull();
  expect(link.end?.error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
});
