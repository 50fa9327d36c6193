import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Reason } from '@callgate/core/errors';
import { loadAddon } from '@callgate/native';
import { expect, it } from 'vitest';
import { next, poll, put, rpcError, useStage } from '../testing/stage.js';
import { fifoTransport } from './transport.js';

const addon = loadAddon();
const stage = useStage(fifoTransport);
const fifo = (name: string): string => `fifo:${stage.path(name)}`;
const program = fileURLToPath(new URL('./testing/visitor.child.js', import.meta.url));
const asRoot = process.geteuid?.() === 0;

it('has one fifo while it listens, with its mode whatever the umask, and nothing afterwards', async () => {
  const before = process.umask(0o077);
  try {
    const server = await stage.listen(fifo('geo'), { mode: 0o620 });
    expect(lstatSync(stage.path('geo')).isFIFO()).toBe(true);
    expect(lstatSync(stage.path('geo')).mode & 0o777).toBe(0o620);
    expect((await stage.listen(fifo('private'))).url).toBe(fifo('private'));
    expect(lstatSync(stage.path('private')).mode & 0o777).toBe(0o600);
    await server.listener.close();
    expect(readdirSync(stage.scratch)).toEqual(['private']);
  } finally {
    process.umask(before);
  }
});

it('gives each client a pair that has no name any more once both sides have opened it', async () => {
  const server = await stage.listen(fifo('geo'));
  const links = await Promise.all([1, 2, 3].map(() => stage.connect(server.url)));
  expect(readdirSync(stage.scratch)).toEqual(['geo']);
  for (const [i, link] of links.entries()) {
    put(link, `number ${i}`);
    expect(await next(await server.accepted())).toMatch(/^number \d$/);
  }
});

it('goes on with its links after the server has stopped listening', async () => {
  const server = await stage.listen(fifo('geo'));
  const client = await stage.connect(server.url);
  const link = await server.accepted();
  await server.listener.close();
  put(client, 'still here');
  expect(await next(link)).toBe('still here');
});

it('does not listen where a regular file is, and leaves it as it is', async () => {
  writeFileSync(stage.path('kept-file'), 'precious');
  await expect(stage.listen(fifo('kept-file'))).rejects.toEqual(
    rpcError(
      'ALREADY_EXISTS',
      'ADDRESS_IN_USE',
      `${stage.path('kept-file')} is a regular file, not a fifo; it was left as it is`,
    ),
  );
  expect(readFileSync(stage.path('kept-file'), 'utf8')).toBe('precious');
});

it('does not connect to a regular file or a directory, says what it is, and writes nothing there', async () => {
  writeFileSync(stage.path('kept-file'), 'precious');
  mkdirSync(stage.path('kept-folder'));
  for (const [name, what] of [
    ['kept-file', 'a regular file'],
    ['kept-folder', 'a directory'],
  ] as const) {
    await expect(stage.connect(fifo(name))).rejects.toEqual(
      rpcError(
        'INVALID_ARGUMENT',
        'BAD_ADDRESS',
        `cannot connect to ${fifo(name)}: ${stage.path(name)} is ${what}, not a fifo`,
      ),
    );
  }
  expect(readFileSync(stage.path('kept-file'), 'utf8')).toBe('precious');
});

it('says that there is no fifo, no folder, or nobody behind it', async () => {
  await expect(stage.connect(fifo('none'))).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', `there is no fifo ${stage.path('none')}; is the server running?`),
  );
  await expect(stage.listen(fifo('no-folder/geo'))).rejects.toEqual(
    rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', 'there is no directory'),
  );
  addon.makeFifo(stage.path('kept-stale'), 0o600);
  await expect(stage.connect(fifo('kept-stale'))).rejects.toEqual(
    rpcError(
      'UNAVAILABLE',
      'UNREACHABLE',
      `nobody reads ${stage.path('kept-stale')}: the server that made this fifo has ended`,
    ),
  );
});

it('takes over the fifo that a killed server has left, and none that anybody reads', async () => {
  addon.makeFifo(stage.path('geo'), 0o600);
  const server = await stage.listen(fifo('geo'));
  await stage.connect(server.url);
  await expect(stage.listen(fifo('geo'))).rejects.toEqual(
    rpcError('ALREADY_EXISTS', 'ADDRESS_IN_USE', `${stage.path('geo')} is in use by another server`),
  );
  addon.makeFifo(stage.path('kept-foreign'), 0o600);
  const reader = addon.openFifo(stage.path('kept-foreign'), 0);
  stage.later(() => reader.close());
  await expect(stage.listen(fifo('kept-foreign'))).rejects.toMatchObject({ reason: Reason.ADDRESS_IN_USE });
});

it('clears away what killed clients have left at its address, and nothing that is in use or not theirs', async () => {
  const token = (digit: string): string => digit.repeat(32);
  const make = (name: string): void => {
    addon.makeFifo(stage.path(name), 0o600);
    utimesSync(stage.path(name), 1000, 1000);
  };
  for (const name of [`geo.${token('a')}.up`, `geo.${token('a')}.down`]) make(name);
  make(`kept-other.${token('b')}.up`);
  make(`geo.${token('c')}.down`);
  const used = addon.openFifo(stage.path(`geo.${token('c')}.down`), 0);
  stage.later(() => used.close());
  addon.makeFifo(stage.path(`geo.${token('d')}.up`), 0o600);
  const server = await stage.listen(fifo('geo'));
  expect(readdirSync(stage.scratch).sort()).toEqual([
    'geo',
    `geo.${token('c')}.down`,
    `geo.${token('d')}.up`,
    `kept-other.${token('b')}.up`,
  ]);
  await server.listener.close();
  used.close();
  // Younger than a living client could be that has not opened its fifos yet.
  utimesSync(stage.path(`geo.${token('d')}.up`), 1000, 1000);
  await (await stage.listen(fifo('geo'))).listener.close();
});

it.runIf(asRoot)('says who may not write to the fifo, make fifos beside it, or be let in', async () => {
  const visitor = stage.run(process.execPath, [program]);
  const nobody = 65_534;
  expect(await visitor.line()).toBe('ready');
  await stage.listen(fifo('geo'));
  await stage.listen(fifo('open'), { mode: 0o622 });
  visitor.tell(`become ${nobody}`);
  expect(await visitor.line()).toBe('done');
  visitor.tell(`connect ${fifo('open')}`);
  // The scratch folder is root's own.
  expect(await visitor.line()).toMatch(
    /^PERMISSION_DENIED NOT_ALLOWED .*uid 65534 may not write to .* \(nor look into its directory\)$/,
  );
  chmodSync(stage.scratch, 0o755);
  visitor.tell(`connect ${fifo('geo')}`);
  expect(await visitor.line()).toMatch(
    /uid 65534 may not write to .*geo \(it belongs to uid 0, gid 0, and its mode is 0600\)$/,
  );
  visitor.tell(`connect ${fifo('open')}`);
  expect(await visitor.line()).toMatch(
    /^PERMISSION_DENIED NOT_ALLOWED .*may not make this client's own two fifos beside the server's in .*its mode is 0755\)$/,
  );
  chmodSync(stage.scratch, 0o777);
  visitor.tell(`connect ${fifo('open')}`);
  expect(await visitor.line()).toBe('done');
  expect(readdirSync(stage.scratch).sort()).toEqual(['geo', 'open']);
  visitor.tell(`listen ${fifo('theirs')}`);
  expect(await visitor.line()).toBe('done');
  await expect(stage.connect(fifo('theirs'))).rejects.toEqual(
    rpcError(
      'PERMISSION_DENIED',
      'NOT_ALLOWED',
      'runs as uid 65534 and may not open the fifos that uid 0 makes with mode 0600',
      'give both sides a mode',
    ),
  );
  await stage.connect(fifo('theirs'), { mode: 0o666 });
  visitor.tell('stop');
  await visitor.exited;
});

it('lets a client wait while the server has no descriptors left, and in when it has', async () => {
  const visitor = stage.run('sh', ['-c', 'ulimit -n 60; exec "$0" "$@"', process.execPath, program]);
  expect(await visitor.line()).toBe('ready');
  visitor.tell(`listen ${fifo('geo')}`);
  expect(await visitor.line()).toBe('done');
  visitor.tell('exhaust');
  expect(await visitor.line()).toBe('done');
  const connecting = stage.connect(fifo('geo'));
  expect(await visitor.line()).toMatch(/^RESOURCE_EXHAUSTED TOO_MANY_FILES cannot let a client in at fifo:/);
  visitor.tell('relieve');
  expect(await visitor.line()).toBe('done');
  await connecting;
  visitor.tell('stop');
  await visitor.exited;
});

it('gives up by its deadline and signal while the server is stopped, leaving nothing, and harms no one', async () => {
  const visitor = stage.run(process.execPath, [program]);
  expect(await visitor.line()).toBe('ready');
  visitor.tell(`listen ${fifo('geo')}`);
  expect(await visitor.line()).toBe('done');
  process.kill(visitor.pid, 'SIGSTOP');
  await expect(stage.connect(fifo('geo'), {}, performance.now() + 30)).rejects.toEqual(
    rpcError('DEADLINE_EXCEEDED', 'DEADLINE', 'the deadline passed first'),
  );
  expect(readdirSync(stage.scratch)).toEqual(['geo']);
  process.kill(visitor.pid, 'SIGCONT');
  await stage.connect(fifo('geo'));
  visitor.tell('stop');
  await visitor.exited;
});

it('fails at once when the server is killed while a client waits to be let in', async () => {
  const visitor = stage.run(process.execPath, [program]);
  expect(await visitor.line()).toBe('ready');
  visitor.tell(`listen ${fifo('kept-geo')}`);
  expect(await visitor.line()).toBe('done');
  process.kill(visitor.pid, 'SIGSTOP');
  const connecting = stage.connect(fifo('kept-geo')).catch((error: unknown) => error);
  await poll(() => addonWaits(stage.path('kept-geo'))).toBeGreaterThan(0);
  process.kill(visitor.pid, 'SIGKILL');
  expect(await connecting).toEqual(rpcError('UNAVAILABLE', 'UNREACHABLE', 'nobody reads'));
  expect(readdirSync(stage.scratch)).toEqual(['kept-geo']);
});

/** Bytes that wait in a fifo. */
function addonWaits(path: string): number {
  const fd = addon.openFifo(path, 1);
  try {
    return addon.waitingBytes(fd);
  } finally {
    fd.close();
  }
}

it('refuses `allow`, which it cannot check', async () => {
  await expect(stage.listen(fifo('geo'), { allow: { uid: 0 } })).rejects.toEqual(
    rpcError(
      'FAILED_PRECONDITION',
      'UNSUPPORTED',
      'capability: credentials',
      "Say who may by `mode` and by the directory's permissions, or use unix:, where the kernel names the peer",
    ),
  );
});
