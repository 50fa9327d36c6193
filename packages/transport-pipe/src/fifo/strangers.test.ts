import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { next, poll, put, pythonFrames, rpcError, useStage } from '../testing/stage.js';
import { fifoTransport } from './transport.js';

const stage = useStage(fifoTransport);
const fifo = (name: string): string => `fifo:${stage.path(name)}`;

/** A client by hand: knocks as knock.ts draws it. */
const pythonVisit = `${pythonFrames}
import select, zlib
path = sys.argv[1]
token = os.urandom(16)
pair = [path + "." + token.hex() + end for end in (".up", ".down")]
knock = b"\\xcaGK\\x01" + token
knock += struct.pack("<I", zlib.crc32(knock))
def visit():
    for name in pair: os.mkfifo(name, 0o600)
    down = os.open(pair[1], os.O_RDONLY | os.O_NONBLOCK)
    stand = os.open(pair[0], os.O_RDONLY | os.O_NONBLOCK)
    up = os.open(pair[0], os.O_WRONLY)
    door = os.open(path, os.O_WRONLY)
    assert os.write(door, knock) == len(knock)
    select.select([down], [], [])
    os.set_blocking(down, True)
    os.close(stand)
    return up, down
`;

it('lets a Python program in that knocks by hand, and speaks with it', async () => {
  const server = await stage.listen(fifo('geo'));
  const python = stage.python(
    `${pythonVisit}
up, down = visit()
os.write(up, HELLO)
assert exactly(down, 8)[:4] == HELLO[:4]
os.write(up, frame(b"from Python"))
print(message(down).decode(), flush=True)
os.write(up, BYE)
`,
    stage.path('geo'),
  );
  const link = await server.accepted();
  expect(await next(link)).toBe('from Python');
  put(link, 'to Python');
  expect(await python.line()).toBe('to Python');
  expect(await next(link)).toBeNull();
  expect(link.end).toMatchObject({ by: 'peer', orderly: true });
  expect(readdirSync(stage.scratch)).toEqual(['geo']);
});

it('skips what a stranger writes to the fifo, says what it was, and lets in who comes next', async () => {
  const server = await stage.listen(fifo('geo'));
  for (const garbage of ['b"hello?\\n"', 'os.urandom(3000)', 'knock[:13]', 'knock[:20] + b"wrong" + knock[5:]']) {
    const python = stage.python(
      `${pythonVisit}
with open(path, "wb", buffering=0) as door: door.write(${garbage})
print("done", flush=True)`,
      stage.path('geo'),
    );
    expect(await python.line()).toBe('done');
    const client = await stage.connect(server.url);
    put(client, 'good day');
    expect(await next(await server.accepted())).toBe('good day');
  }
  await poll(() => server.errors.length).toBeGreaterThanOrEqual(4);
  for (const error of server.errors) {
    expect(error).toEqual(
      rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', `somebody wrote to ${stage.path('geo')}`, 'it was skipped'),
    );
  }
  expect(server.errors[0]!.message).toContain('68 65 6c 6c 6f 3f 0a ("hello?.")');
});

it('opens and removes nothing for a knock whose fifos are none', async () => {
  const server = await stage.listen(fifo('geo'));
  const python = stage.python(
    `${pythonVisit}
door = os.open(path, os.O_WRONLY)
open(pair[0], "w").close(); open(pair[1], "w").write("precious")
os.write(door, knock)
sys.stdin.readline()
print(open(pair[1]).read(), flush=True)
for name in pair: os.unlink(name)
print("done", flush=True)`,
    stage.path('geo'),
  );
  await poll(() => server.errors.length).toBe(1);
  expect(server.errors[0]).toEqual(rpcError('INVALID_ARGUMENT', 'BAD_OPTION', 'not a fifo'));
  python.tell('look');
  expect([await python.line(), await python.line()]).toEqual(['precious', 'done']);
  await stage.connect(server.url);
});

it('disconnects a client that writes garbage into its pair, and tells it why', async () => {
  const server = await stage.listen(fifo('geo'), { maxMessageBytes: 1000 });
  const python = stage.python(
    `${pythonVisit}
up, down = visit()
os.write(up, HELLO + frame(b"fine") + b"\\xff" * 100)
print(os.read(down, 2000)[8:] + os.read(down, 2000), flush=True)`,
    stage.path('geo'),
  );
  const link = await server.accepted();
  expect([await next(link), await next(link)]).toEqual(['fine', null]);
  expect(link.end?.error).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', 'malformed end marker'));
  expect(await python.line()).toContain('malformed end marker');
});

it('disconnects a client that does not speak Callgate, and tells both sides', async () => {
  const server = await stage.listen(fifo('geo'));
  const python = stage.python(
    `${pythonVisit}
up, down = visit()
os.write(up, b"GET / HTTP/1.1\\r\\n\\r\\n")
print(exactly(down, 8)[:4] == HELLO[:4], os.read(down, 2000), flush=True)`,
    stage.path('geo'),
  );
  await poll(() => server.errors.length).toBe(1);
  expect(server.errors[0]).toEqual(rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', 'does not speak Callgate', '"GET'));
  expect(await python.line()).toMatch(/^True .*does not speak Callgate/);
});

it('takes who goes without a good-bye for dead, after its last whole message', async () => {
  const server = await stage.listen(fifo('geo'));
  stage.python(
    `${pythonVisit}
up, down = visit()
os.write(up, HELLO + frame(b"last") + b"\\x10\\0\\0\\0half")
exactly(down, 8)`,
    stage.path('geo'),
  );
  const link = await server.accepted();
  expect([await next(link), await next(link)]).toEqual(['last', null]);
  expect(link.end?.error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', 'in the middle of a message'));
});
