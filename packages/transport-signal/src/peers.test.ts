import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAddress } from '@callgate/core/transport';
import { loadAddon } from '@callgate/native';
import { expect, test } from 'vitest';
import { maskHas, startOf, statusOf } from './processes.js';
import { RING, trySend, VISIT } from './testing/notifications.js';
import { HOLD, RECEIVE } from './testing/python.js';
import { rejection, Stage, until } from './testing/stage.js';
import { signalTransport } from './transport.js';

const strangerProgram = fileURLToPath(new URL('./testing/stranger.child.js', import.meta.url));
const unreachable = { code: 'UNAVAILABLE', reason: 'UNREACHABLE' };

/** Why connecting fails. */
function refused(stage: Stage) {
  return rejection(stage.connect());
}

test('sends nothing where nobody has announced himself', async () => {
  const stage = new Stage();
  expect(await refused(stage)).toMatchObject({
    ...unreachable,
    message: `cannot connect to ${stage.url}: no process has announced itself (there is no ${stage.path})`,
  });
});

test('takes no other file for an announcement', async () => {
  const stage = new Stage();
  writeFileSync(stage.path, 'my notes\n');
  expect((await refused(stage)).message).toContain(`${stage.path} is no announcement: it does not begin with`);
  writeFileSync(stage.path, `callgate-signal 1\npid ${process.pid}\n`);
  expect(await refused(stage)).toMatchObject({
    ...unreachable,
    message: expect.stringContaining('it is not complete'),
  });
  for (const [bad, why] of [
    ['pid 0\nstart 1\n', 'its second line is not "pid" and a number'],
    ['pid 99999999999\nstart 1\n', 'its second line is not "pid" and a number'],
    ['pid 1\nstart -1\n', 'its third line is not "start" and a number'],
    ['pid 1\nstart 1\nsignal 9999 a.A/B\n', 'it has a line that is no signal: "signal 9999 a.A/B"'],
    ['pid 1\nstart 1\nsignal 34 a.A/B int64\n', 'a.A/B has a value of an unknown type, "int64"'],
  ]) {
    writeFileSync(stage.path, `callgate-signal 1\n${bad}end\n`);
    expect((await refused(stage)).message).toContain(why);
  }
});

test('sends nothing to who wrote an announcement and is gone', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  receiver.kill('SIGKILL');
  await receiver.end();
  expect(stage.files).toEqual(['bell']);
  expect(await refused(stage)).toMatchObject({
    ...unreachable,
    message: `cannot connect to ${stage.url}: process ${receiver.pid}, which has announced itself in ${stage.path}, has ended or stopped listening`,
  });
  // The next one takes its place.
  await stage.listening();
  trySend(await stage.connect(), RING);
});

test('sends nothing to a process that has got the pid of the one that announced itself', async () => {
  const stage = new Stage();
  const bystander = stage.run('sleep', ['60']);
  const holder = stage.python(RECEIVE, stage.path, 'stale', bystander.pid, 12_345);
  expect(await holder.line()).toBe('announced');
  const error = await refused(stage);
  expect(error).toMatchObject(unreachable);
  expect(error.message).toContain(
    `process ${bystander.pid}, which has announced itself, has ended, and its pid belongs to another process now`,
  );
  bystander.kill('SIGTERM');
  expect(await bystander.end()).toBe('SIGTERM');
});

test('sends nothing to a process that is gone while somebody else still holds its lock', async () => {
  const stage = new Stage();
  const gone = stage.run('true', []);
  await gone.end();
  const holder = stage.python(RECEIVE, stage.path, 'stale', gone.pid, 12_345);
  expect(await holder.line()).toBe('announced');
  expect((await refused(stage)).message).toContain(`process ${gone.pid}, which has announced itself, has ended`);
});

test('sends nothing to a process that would be killed by it, or that ignores it', async () => {
  const [naked, ignoring] = [new Stage(), new Stage()];
  const victim = naked.python(RECEIVE, naked.path, 'naked');
  expect(await victim.line()).toBe('announced');
  const error = await refused(naked);
  expect(error).toMatchObject(unreachable);
  expect(error.message).toContain(
    `process ${victim.pid} has announced SIGUSR2 (12) for house.Bell/Ring, but neither handles nor blocks it: it would be killed by it`,
  );
  const deaf = ignoring.python(RECEIVE, ignoring.path, 'ignore');
  expect(await deaf.line()).toBe('announced');
  expect((await refused(ignoring)).message).toContain('but ignores it');
  // Both are still there.
  for (const one of [victim, deaf]) {
    one.kill('SIGTERM');
    expect(await one.end()).toBe('SIGTERM');
  }
});

test('sends no signal that is none to notify by, whatever is announced', async () => {
  const stage = new Stage();
  const victim = stage.python(RECEIVE, stage.path, 'terminate');
  expect(await victim.line()).toBe('announced');
  expect((await refused(stage)).message).toContain(
    'has announced SIGTERM (15) for house.Bell/Ring, by which nobody is notified',
  );
  victim.kill('SIGKILL');
  expect(await victim.end()).toBe('SIGKILL');
});

test('takes nobody at the word of another user, who wrote the announcement in his name', async () => {
  const stage = new Stage();
  const victim = await stage.listening();
  const text = readFileSync(stage.path);
  await victim.ask('withdraw');
  // Its own: it holds the lock, as somebody else who is evil would.
  const holder = stage.python(HOLD, stage.path, process.getuid?.() === 0 ? 65_534 : -1, text.toString('base64'));
  expect(await holder.line()).toBe('held');
  if (process.getuid?.() === 0) {
    const error = await refused(stage);
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED' });
    expect(error.message).toContain(
      `${stage.path} belongs to uid 65534, and process ${victim.pid}, which it announces, to uid 0`,
    );
  } else {
    // Who is not root writes in nobody's name but his own.
    trySend(await stage.connect(), RING);
    expect(await victim.line()).toMatchObject({ place: RING });
  }
});

test('follows no symbolic link, and reads no directory', async () => {
  const [linked, folder] = [new Stage(), new Stage()];
  await linked.listening();
  symlinkSync(linked.path, `${linked.folder}/other`);
  const address = parseAddress(`signal:${linked.folder}/other`);
  await expect(signalTransport.connect(address, {}, 0)).rejects.toThrow(/ELOOP/);
  mkdirSync(folder.path);
  expect((await refused(folder)).message).toContain('is no announcement');
});

test('a process of another user is refused: the announcement, and where that can be read, the signal', async () => {
  if (process.getuid?.() !== 0) {
    // Only root can become somebody else; who is not can't send to root.
    const stage = new Stage();
    const holder = stage.python(RECEIVE, stage.path, 'stale', 1, (startOf(1) ?? 0n).toString());
    expect(await holder.line()).toBe('announced');
    expect((await refused(stage)).code).toMatch(/PERMISSION_DENIED|UNAVAILABLE/);
    return;
  }
  const stage = new Stage();
  chmodSync(stage.folder, 0o755);
  const receiver = await stage.listening({ mode: 0o600 });
  const stranger = (): Promise<unknown> =>
    stage.run(process.execPath, [strangerProgram, stage.url], { uid: 65_534 }).line();
  expect(await stranger()).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('EACCES') });
  await receiver.end();
  await stage.listening({ mode: 0o644 });
  const refusedSignal = (await stranger()) as { code: string; reason: string; message: string };
  expect(refusedSignal).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_ALLOWED' });
  expect(refusedSignal.message).toContain('this process (uid 65534) may not send signals to process');
  expect(refusedSignal.message).toContain('(uid 0): both must belong to the same user, or the sender to root');
});

test('a sender learns within 100 ms that its receiver was killed', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  const link = await stage.connect();
  const readable = link.whenReadable(Number.POSITIVE_INFINITY);
  const began = performance.now();
  receiver.kill('SIGKILL');
  const end = await link.closed;
  expect(performance.now() - began).toBeLessThan(100);
  expect(end).toMatchObject({ by: 'peer', orderly: false, error: { code: 'UNAVAILABLE', reason: 'PEER_DIED' } });
  expect(end.error.message).toBe(`the peer at ${stage.url} (process ${receiver.pid}) has ended`);
  expect(await readable).toBe(true);
  expect(() => trySend(link, RING)).toThrow('has ended');
});

test('a sender that blocks until its message is taken learns that the receiver was killed', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  const sender = await stage.sender();
  await receiver.ask('hold');
  sender.tell('visit 1');
  await until(() => waits(receiver.pid, VISIT));
  receiver.kill('SIGKILL');
  expect(await sender.line()).toEqual({ taken: true });
  expect(await sender.line()).toEqual({ ended: 'peer', reason: 'PEER_DIED' });
});

test('a sender learns that the receiver has stopped listening: nothing is sent any more, and nothing counts as taken', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  const [link, sender] = [await stage.connect(), await stage.sender()];
  await receiver.ask('hold');
  trySend(link, RING);
  sender.tell('try 10000');
  await until(() => waits(receiver.pid, VISIT));
  await receiver.ask('close');
  expect(await sender.line()).toMatchObject({ sent: true, taken: false });
  expect(await sender.line()).toEqual({ ended: 'peer', reason: 'PEER_CLOSED' });
  expect(() => trySend(link, RING)).toThrow('no longer receives signals: it has stopped listening');
  expect(link.end).toMatchObject({ by: 'peer', error: { reason: 'PEER_CLOSED' } });
  expect(stage.files).toEqual([]);
  expect(await receiver.end()).toBe(0);
});

test('a receiver that stops and begins to listen again and again is never killed by those who send meanwhile', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  await receiver.ask('quiet');
  const senders = [await stage.sender(), await stage.sender()];
  for (const sender of senders) sender.tell('pester 1200');
  const answers = senders.map((sender) => nextOf(sender, 'sent'));
  await receiver.ask('restart');
  for (const answer of answers) expect(await answer).toEqual({ sent: true });
  expect(await receiver.end()).toBe(0);
});

/** The next line that has this word; what else happened is not of interest. */
async function nextOf(program: { line(): Promise<unknown> }, word: string): Promise<unknown> {
  for (;;) {
    const line = await program.line();
    if (typeof line === 'object' && line !== null && word in line) return line;
  }
}

/** Whether the signal of that place waits at a receiver that has the default ones. */
function waits(pid: number, place: number): boolean {
  return maskHas(statusOf(pid)?.pending ?? 0n, loadAddon().realTimeSignals().first + place);
}
