import type { Link } from '@callgate/core/transport';
import { expect, test } from 'vitest';
import { trySend, VISIT } from './testing/notifications.js';
import { type Program, Stage, until } from './testing/stage.js';

const never = Number.POSITIVE_INFINITY;

/** Sends numbered visits, waiting for room where there is none. */
async function sendMany(stage: Stage, count: number): Promise<void> {
  const link = await stage.connect();
  for (let i = 0; i < count; i++) while (!trySend(link, VISIT, i)) await link.whenWritable(8, never);
  await link.close();
}

test('thousands of queued signals arrive in order, each with its value', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  await receiver.ask('quiet');
  await receiver.ask('hold');
  await sendMany(stage, 5000);
  expect(await receiver.ask('count')).toEqual({ heard: 0, inOrder: true });
  await receiver.ask('release');
  await until(async () => ((await receiver.ask('count')) as { heard: number }).heard === 5000);
  expect(await receiver.ask('count')).toEqual({ heard: 5000, inOrder: true });
});

test('what is sent while held waits, and nothing is lost when holding and releasing by turns', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  await receiver.ask('quiet');
  const sending = sendMany(stage, 3000);
  for (let i = 0; i < 20; i++) {
    await receiver.ask('hold');
    await receiver.ask('release');
  }
  await sending;
  await until(async () => ((await receiver.ask('count')) as { heard: number }).heard === 3000);
  expect(await receiver.ask('count')).toEqual({ heard: 3000, inOrder: true });
});

test('several senders at once lose nothing', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  await receiver.ask('quiet');
  const others = [await stage.sender(), await stage.sender()];
  for (const other of others) other.tell('flood 1000');
  await sendMany(stage, 1000);
  for (const other of others) expect(await other.line()).toEqual({ taken: true });
  await until(async () => ((await receiver.ask('count')) as { heard: number }).heard === 3000);
});

/** How many signals may wait at a receiver with little room. */
const ROOM = 64;

/**
 * One that has little room. The limit is on what waits for all processes of its user together, so that others, such as
 * tests in other files, can take some of it and give it back: what follows bears that.
 */
async function narrow(stage: Stage): Promise<Program> {
  const receiver = await stage.listening();
  const limited = stage.run('prlimit', [`--pid=${receiver.pid}`, `--sigpending=${ROOM}:${ROOM}`]);
  expect(await limited.end()).toBe(0);
  await receiver.ask('quiet');
  await receiver.ask('hold');
  return receiver;
}

/** Sends numbered visits until there has been no room for a while; gives the next number. */
async function fill(link: Link, from = 0): Promise<number> {
  let next = from;
  do {
    while (trySend(link, VISIT, next)) next++;
    expect(next - from).toBeLessThanOrEqual(ROOM + 1);
  } while (await link.whenWritable(8, performance.now() + 50));
  return next;
}

test('a receiver that takes nothing is full at last: waits end at their deadlines or signals, and nothing is lost', async () => {
  const stage = new Stage();
  const receiver = await narrow(stage);
  const link = await stage.connect();
  let next = await fill(link);
  const controller = new AbortController();
  const waiting = link.whenWritable(8, never, controller.signal);
  controller.abort(new Error('no longer'));
  await waiting.then(
    () => undefined,
    (error) => expect(error).toEqual(new Error('no longer')),
  );
  next = await fill(link, next);
  const room = link.whenWritable(8, never);
  await receiver.ask('release');
  expect(await room).toBe(true);
  expect(trySend(link, VISIT, next++)).toBe(true);
  await until(async () => ((await receiver.ask('count')) as { heard: number }).heard === next);
  expect(await receiver.ask('count')).toEqual({ heard: next, inOrder: true });
});

test('closing waits for room for what was committed', async () => {
  const stage = new Stage();
  const receiver = await narrow(stage);
  const link = await stage.connect();
  const next = await fill(link);
  const closing = link.close(performance.now() + 10_000);
  await receiver.ask('release');
  await closing;
  expect(link.end).toMatchObject({ by: 'local', orderly: true });
  await until(async () => ((await receiver.ask('count')) as { heard: number }).heard === next);
});

test('closing at a full receiver drops at the deadline what was committed, and says so', async () => {
  const stage = new Stage();
  const receiver = await narrow(stage);
  for (let attempt = 0; ; attempt++) {
    const link = await stage.connect();
    await fill(link);
    await link.close(performance.now() + 30);
    // Somebody else may have made room just then.
    if (link.end?.orderly === false) break;
    expect(attempt).toBeLessThan(20);
    await receiver.ask('release');
    await receiver.ask('hold');
  }
});

test('a blocking sender waits until there is room, and until all was taken', async () => {
  const stage = new Stage();
  const receiver = await narrow(stage);
  const sender = await stage.sender();
  sender.tell('flood 500');
  const taken = sender.line();
  await receiver.ask('count');
  await receiver.ask('release');
  expect(await taken).toEqual({ taken: true });
  expect(await receiver.ask('count')).toEqual({ heard: 500, inOrder: true });
});

test('a blocking sender learns whether its message was taken by its deadline', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  const sender = await stage.sender();
  await receiver.ask('hold');
  sender.tell('try 60');
  const held = (await sender.line()) as { waitedMs: number };
  expect(held).toMatchObject({ sent: true, taken: false });
  expect(held.waitedMs).toBeGreaterThanOrEqual(60);
  sender.tell('try -1');
  expect(await sender.line()).toMatchObject({ sent: true, taken: false });
  await receiver.ask('release');
  sender.tell('try 5000');
  expect(await sender.line()).toMatchObject({ sent: true, taken: true });
});
