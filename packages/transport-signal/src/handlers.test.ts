/** Signals that Node and the user handle, beside those that are received here. All are sent by kill(2), from outside. */
import { expect, test } from 'vitest';
import { trySend, VISIT } from './testing/notifications.js';
import { type Program, Stage, until } from './testing/stage.js';

const OTHERS = ['SIGUSR1', 'SIGCHLD', 'SIGTERM'] as const;
/** The regular one by which this receiver is notified. */
const OPTIONS = { signals: { Ring: 'SIGUSR2' } };

/** The user's handlers hear of each signal that is sent, and Node hears that a child of its own has ended. */
async function expectHandled(receiver: Program): Promise<void> {
  for (const signal of OTHERS) {
    const counted = async (): Promise<number> =>
      ((await receiver.ask('counts')) as Record<string, number>)[signal] ?? 0;
    const before = await counted();
    receiver.kill(signal);
    await until(async () => (await counted()) === before + 1);
  }
  expect(await receiver.ask('spawnAwaited')).toBe(0);
}

/** Notifications by a real-time signal and by a regular one come through. */
async function expectNotified(stage: Stage, receiver: Program, value: number): Promise<void> {
  const link = await stage.connect();
  trySend(link, VISIT, value);
  expect(await receiver.line()).toMatchObject({ place: VISIT, value });
  receiver.kill('SIGUSR2');
  expect(await receiver.line()).toMatchObject({ place: 0 });
  await link.close();
}

test('handlers that the user had before hear their signals while this listens, and after it has closed', async () => {
  const stage = new Stage();
  const receiver = stage.receiver(OPTIONS, 'later');
  await receiver.ask('handleOthers');
  await expectHandled(receiver);
  await receiver.ask('listen');
  await expectHandled(receiver);
  await expectNotified(stage, receiver, 1);
  await expectHandled(receiver);
  await receiver.ask('close');
  await expectHandled(receiver);
  expect(await receiver.end()).toBe(0);
});

test('handlers that the user sets while this listens hear their signals, and after it has closed', async () => {
  const stage = new Stage();
  const receiver = await stage.listening(OPTIONS);
  await receiver.ask('handleOthers');
  await expectHandled(receiver);
  await expectNotified(stage, receiver, 2);
  await receiver.ask('close');
  await expectHandled(receiver);
  await receiver.ask('listen');
  await expectHandled(receiver);
  await expectNotified(stage, receiver, 3);
  expect(await receiver.end()).toBe(0);
});

test('a process that listens, and one that has, ends by SIGTERM as any other', async () => {
  for (const closes of [false, true]) {
    const stage = new Stage();
    const receiver = await stage.listening(OPTIONS);
    if (closes) await receiver.ask('close');
    receiver.kill('SIGTERM');
    expect(await receiver.end()).toBe('SIGTERM');
    await stage.clear();
  }
});

test("SIGUSR1 starts Node's debugger while this listens, and after it has closed", async () => {
  for (const closes of [false, true]) {
    const stage = new Stage();
    const receiver = stage.debuggable();
    await receiver.ask('listen');
    if (closes) await receiver.ask('close');
    expect(await receiver.ask('inspected')).toBe(false);
    receiver.kill('SIGUSR1');
    await until(async () => (await receiver.ask('inspected')) === true);
    expect(await receiver.end()).toBe(0);
    await stage.clear();
  }
});
