/** Peers that are not Callgate's: they harm nobody, and are told what is wrong. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Listening, type Python, rpcError, useStage } from './testing/stage.js';

const stage = useStage();
let server: Listening;

beforeEach(async () => {
  server = await stage.listen(stage.url('geo'), { maxMessageBytes: 1000 });
});

/** Whatever the stranger did, others are served. */
afterEach(async () => {
  const client = await stage.connect(server.url);
  const link = await server.accepted();
  const span = client.claim(2)!;
  span.bytes.write('ok', span.start);
  client.commit(2);
  client.flush();
  expect(await text(link)).toBe('ok');
});

type Receiver = Pick<Awaited<ReturnType<Listening['accepted']>>, 'receive' | 'release' | 'whenReadable' | 'ended'>;

async function text(link: Receiver): Promise<string | null> {
  for (;;) {
    const span = link.receive();
    if (span !== null) {
      const found = span.bytes.toString('latin1', span.start, span.end);
      link.release();
      return found;
    }
    if (link.ended) return null;
    await link.whenReadable(Number.POSITIVE_INFINITY);
  }
}

const prelude = `
import os, socket, struct, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
hello = b"\\xcaGS\\x01" + struct.pack("<I", 1000)
def frame(m): return struct.pack("<I", len(m)) + m
def rest():
    found = b""
    while True:
        try: more = s.recv(4096)
        except ConnectionResetError: break
        if not more: break
        found += more
    print(found.hex(), flush=True)
`;

function stranger(code: string): Python {
  return stage.python(prelude + code, stage.path('geo'));
}

/** What the server has said, after its greeting. */
async function heard(python: Python): Promise<string> {
  const bytes = Buffer.from((await python.output).trim(), 'hex');
  expect(bytes.subarray(0, 4).toString('hex')).toBe('ca475301');
  return bytes.toString('latin1', 8);
}

async function nextError(): Promise<unknown> {
  await expect.poll(() => server.errors.length).toBe(1);
  return server.errors[0];
}

it('disconnects an HTTP client, and tells both sides why', async () => {
  const python = stranger('s.sendall(b"GET / HTTP/1.1\\r\\nHost: geo\\r\\n\\r\\n"); rest()');
  expect(await heard(python)).toContain('does not speak Callgate');
  const words = [stage.url('geo'), 'does not speak Callgate', '47 45 54 20', '"GET / HT"'];
  expect(await nextError()).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', ...words));
  expect(server.links).toEqual([]);
});

it('disconnects a writer of random garbage, however much of it', async () => {
  const python = stranger(`
data = bytes([0]) + os.urandom(3000000)
try: s.sendall(data)
except (BrokenPipeError, ConnectionResetError): pass
rest()`);
  await python.exited;
  expect(await nextError()).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', 'does not speak Callgate'));
});

it('disconnects who greets well and then sends garbage, with a reason', async () => {
  const python = stranger('s.sendall(hello + frame(b"fine") + b"\\xff" * 200); rest()');
  const link = await server.accepted();
  expect(await text(link)).toBe('fine');
  expect(await text(link)).toBeNull();
  expect(link.end).toMatchObject({ by: 'fault', orderly: false });
  expect(link.end?.error).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', 'malformed end marker'));
  expect(await heard(python)).toContain('malformed end marker');
});

it('disconnects who announces more than he may send', async () => {
  const python = stranger('s.sendall(hello + frame(b"x" * 1000) + struct.pack("<I", 1001)); rest()');
  const link = await server.accepted();
  expect(await text(link)).toBe('x'.repeat(1000));
  expect(await text(link)).toBeNull();
  expect(link.end?.error).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', '1001 bytes', 'at most 1000'));
  expect(await heard(python)).toContain('at most 1000');
});

it('understands who writes a byte at a time', async () => {
  const python = stranger(`
for byte in hello + frame(b"slow") + frame(b"") + frame(b"and steady"):
    s.send(bytes([byte])); time.sleep(0.001)
s.sendall(b"\\xff\\xff\\xff\\xff\\0\\0\\0\\0"); rest()`);
  const link = await server.accepted();
  expect([await text(link), await text(link), await text(link)]).toEqual(['slow', '', 'and steady']);
  expect(await text(link)).toBeNull();
  expect(link.end).toMatchObject({ by: 'peer', orderly: true });
  expect(await heard(python)).toBe('');
});

it('is not held up by who says nothing, or only half a greeting', async () => {
  stranger('print("up", flush=True); input()');
  const half = stranger('s.send(hello[:5]); print("up", flush=True); input(); s.close()');
  await half.line();
  const client = await stage.connect(server.url);
  await server.accepted();
  expect(client.end).toBeUndefined();
  half.tell('leave');
  await half.exited;
  expect(await nextError()).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', 'died or dropped the link'));
});

it('takes who goes without a good-bye for dead, in the middle of a message too, after his last whole message', async () => {
  stranger('s.sendall(hello + frame(b"last") + b"\\x10\\0\\0\\0half"); s.close()');
  const link = await server.accepted();
  expect(await text(link)).toBe('last');
  expect(await text(link)).toBeNull();
  expect(link.end).toMatchObject({ by: 'peer', orderly: false });
  expect(link.end?.error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', 'in the middle of a message'));
});

it('delivers everything of a peer that closes with bytes unread, which makes the kernel reset the connection', async () => {
  const python = stranger(`
print("up", flush=True); input()
s.sendall(hello + frame(b"one") + frame(b"two") + b"\\xff\\xff\\xff\\xff\\0\\0\\0\\0"); s.close()
print("closed", flush=True)`);
  await python.line();
  // The server's greeting is what stays unread.
  python.tell('go');
  expect(await python.line()).toBe('closed');
  const link = await server.accepted();
  expect([await text(link), await text(link), await text(link)]).toEqual(['one', 'two', null]);
  expect(link.end).toMatchObject({ by: 'peer', orderly: true });
});

it('tells what it is connected to when the server is a stranger', async () => {
  const python = stage.python(
    `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)
print("up", flush=True)
for answer in (b"HTTP/1.1 400 Bad Request\\r\\n", b""):
    c, _ = s.accept(); c.recv(100); c.sendall(answer); c.close()
`,
    stage.path('kept-http'),
  );
  await python.line();
  const words = [stage.url('kept-http'), 'does not speak Callgate', 'HTTP/1.1'];
  await expect(stage.connect(stage.url('kept-http'))).rejects.toEqual(
    rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', ...words),
  );
  await expect(stage.connect(stage.url('kept-http'))).rejects.toEqual(rpcError('UNAVAILABLE', 'PEER_DIED'));
});
