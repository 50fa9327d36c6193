import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { parseAddress } from '@callgate/core/transport';
import { expect, it } from 'vitest';
import { unixTransport } from '../index.js';
import { rpcError, soon, useStage } from './testing/stage.js';

const stage = useStage();

/** Both ways to connect fail alike. */
async function expectRefusal(url: string, error: unknown, deadline = soon()): Promise<void> {
  await expect(stage.connect(url, {}, deadline)).rejects.toEqual(error);
  expect(() => unixTransport.connectSync(parseAddress(url), {}, deadline)).toThrow(error as Error);
}

it('says that there is no socket file, and asks whether the server runs', async () => {
  const words = [stage.url('none'), `no socket file ${stage.path('none')}`, 'is the server running?'];
  await expectRefusal(stage.url('none'), rpcError('UNAVAILABLE', 'UNREACHABLE', ...words));
});

it('says that nobody listens at the socket file of a dead server', async () => {
  const child = stage.child();
  await child.call('listen', stage.url('kept-stale'));
  await child.kill();
  await expectRefusal(
    stage.url('kept-stale'),
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'nobody listens at', 'has ended'),
  );
});

it('says what it found in place of a socket', async () => {
  mkdirSync(stage.path('kept-directory'));
  writeFileSync(stage.path('kept-file'), 'precious');
  const wrong = (what: string) => rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', what, 'not a socket');
  await expectRefusal(stage.url('kept-directory'), wrong('is a directory'));
  await expectRefusal(stage.url('kept-file'), wrong('is a regular file'));
  await expectRefusal(stage.url('kept-file/x'), rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', 'is not a directory'));
});

it('says that a datagram socket is of another kind', async () => {
  const python = stage.python(
    'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("up", flush=True); input()',
    stage.path('kept-datagram'),
  );
  await python.line();
  await expectRefusal(stage.url('kept-datagram'), rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', 'another kind'));
});

it('refuses a path that is too long before it looks', async () => {
  await expectRefusal(
    `unix:/${'x'.repeat(107)}`,
    rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', '108 bytes', "the system's limit is 107"),
  );
});

it('says whose the socket file is, and its mode, to somebody who may not use it', async () => {
  await stage.listen(stage.url('private'));
  const child = stage.child();
  let uid = process.geteuid?.() ?? 0;
  if (uid === 0) {
    chmodSync(stage.scratch, 0o755);
    uid = 65_534;
    await child.call('become', uid);
  } else {
    chmodSync(stage.path('private'), 0);
  }
  const words = [
    `uid ${uid} may not use ${stage.path('private')}`,
    `belongs to uid ${process.geteuid?.()}`,
    'mode is 0',
  ];
  const denied = rpcError('PERMISSION_DENIED', 'NOT_ALLOWED', ...words);
  await expect(child.call('connect', stage.url('private'))).rejects.toEqual(denied);
  await expect(child.call('connectSync', stage.url('private'))).rejects.toEqual(denied);
});

it('refuses to block for a server of its own thread', async () => {
  const { url } = await stage.listen(stage.url('own'));
  expect(() => unixTransport.connectSync(parseAddress(url), {}, soon())).toThrow(
    rpcError('FAILED_PRECONDITION', 'SELF_DEADLOCK', 'this very thread') as Error,
  );
});

const fullQueue = `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])
print("full", flush=True); input()
keep = [s.accept(), s.accept()]
print("accepted", flush=True); input()
`;

it('waits while the queue of the server is full, and gives up at the deadline', async () => {
  const python = stage.python(fullQueue, stage.path('kept-full'));
  await python.line();
  const late = rpcError('DEADLINE_EXCEEDED', 'DEADLINE', stage.url('kept-full'));
  await expectRefusal(stage.url('kept-full'), late, performance.now() + 30);
  await expect(stage.connect(stage.url('kept-full'), {}, performance.now() + 30)).rejects.toEqual(late);
  const waiting = stage.connect(stage.url('kept-full'), {}, performance.now() + 2000);
  const outcome = expect(waiting).rejects.toEqual(rpcError('DEADLINE_EXCEEDED', 'DEADLINE', 'did not answer in time'));
  python.tell('accept');
  expect(await python.line()).toBe('accepted');
  await outcome;
});

it('lets go of the wait for a full queue when its signal fires', async () => {
  const python = stage.python(fullQueue, stage.path('kept-full'));
  await python.line();
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  const connecting = unixTransport.connect(parseAddress(stage.url('kept-full')), {}, soon(), controller.signal);
  setTimeout(() => controller.abort(reason), 10);
  await expect(connecting).rejects.toBe(reason);
});

it('says who refuses whom: uid and address, to the client and to the server', async () => {
  const uid = process.geteuid?.() ?? 0;
  const server = await stage.listen(stage.url('guarded'), { allow: { uid: [uid + 1, uid + 2] } });
  const denied = rpcError('PERMISSION_DENIED', 'NOT_ALLOWED', `uid ${uid} `, `connect to ${stage.url('guarded')}`);
  await expect(stage.connect(server.url)).rejects.toEqual(denied);
  const child = stage.child();
  await expect(child.call('connectSync', server.url)).rejects.toEqual(denied);
  expect(server.errors).toEqual([denied, denied]);
  expect(server.links).toEqual([]);
});

it('admits by group', async () => {
  const gid = process.getegid?.() ?? 0;
  const server = await stage.listen(stage.url('group'), { allow: { gid } });
  await stage.connect(server.url);
  expect((await server.accepted()).peer.credentials).toMatchObject({ gid, pid: process.pid });
});
