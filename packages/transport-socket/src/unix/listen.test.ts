import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { rpcError, useStage } from './testing/stage.js';

const stage = useStage();

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const inUse = (...words: string[]) => rpcError('ALREADY_EXISTS', 'ADDRESS_IN_USE', ...words);

/** A socket file that a killed server left behind. */
async function leaveBehind(name: string): Promise<void> {
  const child = stage.child();
  await child.call('listen', stage.url(name));
  await child.kill();
  expect(lstatSync(stage.path(name)).isSocket()).toBe(true);
}

it('makes the socket file for its own user only, unless told otherwise', async () => {
  await stage.listen(stage.url('private'));
  expect(modeOf(stage.path('private'))).toBe(0o600);
  await stage.listen(stage.url('group'), { mode: 0o660 });
  expect(modeOf(stage.path('group'))).toBe(0o660);
});

it('leaves nothing but the socket file while it listens, and nothing afterwards', async () => {
  const server = await stage.listen(stage.url('geo'));
  expect(readdirSync(stage.scratch)).toEqual(['geo']);
  await server.close();
  expect(readdirSync(stage.scratch)).toEqual([]);
});

it('takes over the socket file of a killed server', async () => {
  await leaveBehind('geo');
  const server = await stage.listen(stage.url('geo'));
  await stage.connect(server.url);
  expect(readdirSync(stage.scratch)).toEqual(['geo']);
});

it('takes over from a server that was killed while it held the lock', async () => {
  await leaveBehind('geo');
  writeFileSync(stage.path('geo.lock'), '');
  await stage.listen(stage.url('geo'));
  expect(readdirSync(stage.scratch)).toEqual(['geo']);
});

it('refuses an address that is in use, without harm to who uses it, be he busy or stopped', async () => {
  const child = stage.child();
  await child.call('listen', stage.url('geo'));
  const words = [stage.url('geo'), 'is in use by another server'];
  await expect(stage.listen(stage.url('geo'))).rejects.toEqual(inUse(...words));
  child.process.kill('SIGSTOP');
  await expect(stage.listen(stage.url('geo'))).rejects.toEqual(inUse(...words));
  child.process.kill('SIGCONT');
  await stage.connect(stage.url('geo'));
  // Having been looked at is no news for the one in use.
  expect(await child.call('errors')).toEqual([]);
  await child.kill();
  rmSync(stage.path('geo'));
});

it('refuses its own address, and the address of its own that has an elder listener', async () => {
  const first = await stage.listen(stage.url('geo'));
  await expect(stage.listen(stage.url('geo'))).rejects.toEqual(inUse('in use'));
  await stage.connect(first.url);
});

it('never touches what is not a socket, and says what it found', async () => {
  writeFileSync(stage.path('kept-file'), 'precious');
  mkdirSync(stage.path('kept-directory'));
  symlinkSync(stage.path('kept-file'), stage.path('kept-link'));
  await expect(stage.listen(stage.url('kept-file'))).rejects.toEqual(inUse('is a regular file', 'not a socket'));
  await expect(stage.listen(stage.url('kept-directory'))).rejects.toEqual(inUse('is a directory'));
  await expect(stage.listen(stage.url('kept-link'))).rejects.toEqual(inUse('is a symbolic link'));
  expect(readFileSync(stage.path('kept-file'), 'utf8')).toBe('precious');
  expect(readdirSync(stage.scratch).sort()).toEqual(['kept-directory', 'kept-file', 'kept-link']);
});

it('says that there is no directory for its socket file', async () => {
  await expect(stage.listen(stage.url('no/geo'))).rejects.toEqual(
    rpcError('INVALID_ARGUMENT', 'BAD_ADDRESS', 'there is no directory for', stage.path('no/geo')),
  );
});

it('says that it may not write to the directory of its socket file', async () => {
  const child = stage.child();
  if (process.geteuid?.() === 0) await child.call('become', 65_534);
  await expect(child.call('listen', 'unix:/usr/geo.sock')).rejects.toEqual(
    rpcError('PERMISSION_DENIED', 'NOT_ALLOWED', 'cannot listen at unix:/usr/geo.sock'),
  );
});

it('lets exactly one of eight servers win that start at once over a stale file, again and again', async () => {
  const children = Array.from({ length: 8 }, () => stage.child());
  await Promise.all(children.map((child) => child.call('fds')));
  for (let round = 0; round < 10; round++) {
    const name = `geo${round}`;
    await leaveBehind(name);
    const outcomes = await Promise.all(
      children.map((child) =>
        child.call('listen', stage.url(name)).then(
          () => 'won',
          (error: unknown) => error,
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(1);
    for (const outcome of outcomes) if (outcome !== 'won') expect(outcome).toEqual(inUse('in use by another server'));
    await stage.connect(stage.url(name));
    const winner = children[outcomes.indexOf('won')]!;
    await expect.poll(() => winner.call('links')).toBeGreaterThan(0);
    expect(readdirSync(stage.scratch).filter((file) => file.startsWith(name))).toEqual([name]);
  }
  for (const child of children) await child.kill();
  for (let round = 0; round < 10; round++) rmSync(stage.path(`geo${round}`));
});

it('leaves alone what somebody else has put in the place of its socket file', async () => {
  const server = await stage.listen(stage.url('geo'));
  renameSync(stage.path('geo'), stage.path('moved'));
  const child = stage.child();
  await child.call('listen', stage.url('geo'));
  await server.close();
  expect(existsSync(stage.path('geo'))).toBe(true);
  await stage.connect(stage.url('geo'));
  await child.kill();
  rmSync(stage.path('geo'));
  rmSync(stage.path('moved'));
});

it('names, for a relative address, one that holds elsewhere too', async () => {
  const server = await stage.listen(`unix:./${relative(process.cwd(), stage.path('with space'))}`);
  expect(server.url).toBe(`unix:${stage.scratch}/with%20space`);
  await stage.connect(server.url);
});

it('refuses those who wait in its queue when it closes, instead of leaving them alone', async () => {
  const server = await stage.listen(stage.url('geo'));
  const connecting = stage.connect(server.url);
  // Within this turn of the event loop nobody has been accepted.
  await server.close();
  await expect(connecting).rejects.toEqual(rpcError('UNAVAILABLE', 'UNREACHABLE', 'has just stopped listening'));
});

it('rests while no descriptor is left, says so once, and goes on when there is one', async () => {
  const child = stage.child(64);
  await child.call('listen', stage.url('geo'));
  await child.call('exhaust', 0);
  const connecting = [1, 2, 3].map(() => stage.connect(stage.url('geo')));
  await expect.poll(async () => (await child.call('errors')).length).toBe(1);
  expect(await child.call('cpuMs', 1000)).toBeLessThan(200);
  const told = {
    code: 'RESOURCE_EXHAUSTED',
    reason: 'TOO_MANY_FILES',
    message: expect.stringMatching('cannot accept'),
  };
  expect(await child.call('errors')).toEqual([told]);
  await child.call('relieve');
  await Promise.all(connecting);
  await expect.poll(() => child.call('links')).toBe(3);
  await child.kill();
  rmSync(stage.path('geo'));
});

it('uses no CPU time for links at rest, nor for messages that nobody reads', async () => {
  const child = stage.child();
  await child.call('listen', stage.url('geo'));
  const resting = await stage.connect(stage.url('geo'));
  const link = await stage.connect(stage.url('geo'));
  await expect.poll(() => child.call('links')).toBe(2);
  expect(await child.call('lookOnce')).toBe(false);
  const span = link.claim(100)!;
  span.bytes.fill(1, span.start, span.end);
  link.commit(100);
  link.flush();
  await setTimeout(50);
  expect(await child.call('cpuMs', 1000)).toBeLessThan(100);
  expect(resting.end).toBeUndefined();
  await child.kill();
  rmSync(stage.path('geo'));
});
