import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RING, trySend, VISIT } from './testing/notifications.js';
import { KILL, QUEUE, RECEIVE } from './testing/python.js';
import { Stage } from './testing/stage.js';

const uid = process.getuid?.();
test('carries a notification with its value, and says who sent it', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  const link = await stage.connect();
  expect(link.peer).toMatchObject({ address: stage.url, credentials: { pid: receiver.pid, uid } });
  trySend(link, VISIT, 4_294_967_295);
  // Queued: what it says of its sender is the sender's word.
  const from = { pid: process.pid, uid, claimed: true };
  expect(await receiver.line()).toEqual({ place: VISIT, value: 4_294_967_295, from });
  trySend(link, RING);
  expect(await receiver.line()).toEqual({ place: RING, value: 0, from });
});

test('equal regular signals become one while they wait, and the kernel vouches for their sender', async () => {
  const stage = new Stage();
  const receiver = await stage.listening({ signals: { Ring: 'SIGUSR2' } });
  await receiver.ask('hold');
  const link = await stage.connect();
  for (let i = 0; i < 5; i++) trySend(link, RING);
  trySend(link, VISIT, 1);
  trySend(link, VISIT, 1);
  await receiver.ask('release');
  expect(await receiver.line()).toEqual({ place: RING, value: 0, from: { pid: process.pid, uid, claimed: false } });
  for (let i = 0; i < 2; i++) expect(await receiver.line()).toMatchObject({ place: VISIT, value: 1 });
  trySend(link, RING);
  expect(await receiver.line()).toMatchObject({ place: RING });
});

test('a program in another language sends: sigqueue with its value, kill without', async () => {
  const stage = new Stage();
  const receiver = await stage.listening({ firstSignal: 'SIGRTMIN+2' });
  const [, visit] = [...readFileSync(stage.path, 'utf8').matchAll(/^signal (\d+)/gm)].map(([, number]) => number!);
  const queue = stage.python(QUEUE, receiver.pid, visit!, 3, 4, -1);
  for (const value of [3, 4, 2 ** 32 - 1]) {
    expect(await receiver.line()).toEqual({ place: VISIT, value, from: { pid: queue.pid, uid, claimed: true } });
  }
  const kill = stage.python(KILL, receiver.pid, visit!);
  expect(await receiver.line()).toEqual({ place: VISIT, value: 0, from: { pid: kill.pid, uid, claimed: false } });
  expect(await Promise.all([queue.end(), kill.end()])).toEqual([0, 0]);
});

test('a program in another language receives: it announces itself and waits by sigtimedwait', async () => {
  const stage = new Stage();
  const python = stage.python(RECEIVE, stage.path, 'wait');
  expect(await python.line()).toBe('announced');
  const link = await stage.connect();
  expect(link.peer.credentials).toMatchObject({ pid: python.pid, uid });
  for (let i = 0; i < 3; i++) trySend(link, VISIT, i * 1_000_000_007);
  trySend(link, RING);
  const lines = [await python.line(), await python.line(), await python.line(), await python.line()].map(String);
  const numbers = lines.map((line) => line.split(' '));
  // The kernel gives the lower number first, whichever was sent first, if both wait.
  const visits = numbers.filter(([signal]) => signal !== '12').map(([, , , value]) => Number(value));
  expect(visits).toEqual([0, 1_000_000_007, 2_000_000_014]);
  for (const [, pid, from] of numbers) expect([Number(pid), Number(from)]).toEqual([process.pid, uid]);
});
