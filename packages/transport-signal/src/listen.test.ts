import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Link, parseAddress } from '@callgate/core/transport';
import { expect, test } from 'vitest';
import { assignSignals, resolveSignalOptions } from './options.js';
import { threadMasks } from './testing/lines.js';
import { BELL, RING, trySend, VISIT } from './testing/notifications.js';
import { type Program, rejection, Stage, until } from './testing/stage.js';
import { signalTransport } from './transport.js';

const range = { first: 34, last: 64 };

/** The complaint of one that can not listen. */
async function complaint(receiver: Program): Promise<unknown> {
  return receiver.line();
}

test('announces what it listens for, in a file that only its user can read, and removes it', async () => {
  const stage = new Stage();
  const receiver = await stage.listening();
  const lines = readFileSync(stage.path, 'utf8').split('\n');
  expect(lines[0]).toBe('callgate-signal 1');
  expect(lines[1]).toBe(`pid ${receiver.pid}`);
  expect(lines.slice(3)).toEqual(['signal 34 house.Bell/Ring', 'signal 35 house.Bell/Visit uint32', 'end', '']);
  expect(statSync(stage.path).mode & 0o777).toBe(0o600);
  await receiver.ask('withdraw');
  expect(stage.files).toEqual([]);
  expect(await receiver.end()).toBe(0);
});

test('methods get the signals that options give them, the others those in the order of declaration', () => {
  const give = (options: Parameters<typeof resolveSignalOptions>[0]): number[] =>
    assignSignals(BELL, resolveSignalOptions(options), range).map(({ signal }) => signal);
  expect(give({})).toEqual([34, 35]);
  expect(give({ firstSignal: 'SIGRTMIN+8' })).toEqual([42, 43]);
  expect(give({ signals: { Ring: 'SIGUSR2' } })).toEqual([12, 35]);
  expect(give({ signals: { 'house.Bell/Ring': 'SIGRTMAX', Visit: 'SIGRTMAX-1' } })).toEqual([64, 63]);
  expect(give({ firstSignal: 'SIGRTMAX', signals: { Visit: 'SIGRTMIN' } })).toEqual([64, 34]);
});

test('the definition of a service says which signals its methods want, and options override it', () => {
  const wanting = (ring: string, visit?: string) => [
    { ...BELL[0]!, choice: ring },
    { ...BELL[1]!, choice: visit },
  ];
  const give = (notifications: typeof BELL, options: Parameters<typeof resolveSignalOptions>[0] = {}): number[] =>
    assignSignals(notifications, resolveSignalOptions(options), range).map(({ signal }) => signal);
  expect(give(wanting('SIGUSR2'))).toEqual([12, 35]);
  expect(give(wanting('RT+3', 'SIGRTMAX-1'), { firstSignal: 'SIGRTMIN+8' })).toEqual([37, 63]);
  expect(give(wanting('10', '60').slice(1))).toEqual([60]);
  expect(give(wanting('12', '36'), { signals: { Visit: 'SIGRTMIN+4' } })).toEqual([12, 38]);
  expect(give(wanting('SIGTERM'), { signals: { 'house.Bell/Ring': '40' } })).toEqual([40, 35]);
  const fails = (ring: string, visit?: string) => () => give(wanting(ring, visit));
  expect(fails('SIGTERM')).toThrow(
    'house.Bell/Ring: its option (callgate.signal) is "SIGTERM": expected SIGRTMIN, SIGRTMIN+n (or RT+n), SIGRTMAX-n, SIGHUP, SIGUSR2, SIGURG, SIGWINCH, or the number of one of these',
  );
  expect(fails('15')).toThrow('house.Bell/Ring: its option (callgate.signal) is "15": expected SIGRTMIN');
  expect(fails('33')).toThrow('house.Bell/Ring: there is no 33; the last real-time signal is SIGRTMAX (64)');
  expect(fails('SIGUSR2', 'SIGUSR2')).toThrow(
    'house.Bell/Visit: SIGUSR2 (12) is the signal of house.Bell/Ring already',
  );
  expect(fails('SIGUSR2', 'SIGHUP')).toThrow('SIGHUP (1) is a regular signal, which carries none');
});

test('says all that is wrong with the signals of methods', () => {
  const fails = (options: Parameters<typeof resolveSignalOptions>[0]) => () =>
    assignSignals(BELL, resolveSignalOptions(options), range);
  expect(fails({ signals: { Visit: 'SIGRTMIN' } })).toThrow(
    'house.Bell/Visit: SIGRTMIN (34) is the signal of house.Bell/Ring already',
  );
  expect(fails({ signals: { Visit: 'SIGHUP' } })).toThrow(
    'house.Bell/Visit: its request has a value, and SIGHUP (1) is a regular signal, which carries none',
  );
  expect(fails({ signals: { Knock: 'SIGUSR2' } })).toThrow(
    'signals: there is no method Knock; there are house.Bell/Ring, house.Bell/Visit',
  );
  expect(fails({ firstSignal: 'SIGRTMAX' })).toThrow(
    'house.Bell/Visit: there is no signal 65, number 2 from SIGRTMAX on; the last real-time signal is SIGRTMAX (64)',
  );
  for (const word of [
    'SIGINT',
    'SIGUSR1',
    'SIGCHLD',
    'SIGPROF',
    'SIGKILL',
    'usr2',
    'SIGRTMIN-1',
    'SIGRTMIN+99',
    '9',
    '0',
    'RT-3',
    'RT',
  ]) {
    expect(signalTransport.validateOptions({ signals: { Ring: word } })[0]).toContain(
      'signals: expected an object of method names and their signals, each SIGRTMIN, SIGRTMIN+n (or RT+n), SIGRTMAX-n, SIGHUP, SIGUSR2, SIGURG, SIGWINCH, or the number of one of these',
    );
  }
  expect(signalTransport.validateOptions({ firstSignal: 'SIGUSR2', mode: 8 ** 4, colour: 1 })).toEqual([
    'firstSignal: expected a real-time signal, such as SIGRTMIN+8, found "SIGUSR2"',
    'mode: expected a whole number from 0 to 511, found 4096',
    expect.stringContaining('colour: unknown option'),
  ]);
});

test('a signal that the user handles is left to him: the error names it, the method and what to do', async () => {
  const stage = new Stage();
  const receiver = stage.receiver({ signals: { Ring: 'SIGUSR2' } }, 'later');
  await receiver.ask('handle');
  receiver.tell('listen');
  const error = (await complaint(receiver)) as { message: string };
  expect(error).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'ADDRESS_IN_USE' });
  expect(error.message).toContain(`cannot listen at ${stage.url}: SIGUSR2 (12), for house.Bell/Ring, is not to be had`);
  expect(error.message).toContain('choose others by the options `signals` or `firstSignal`');
  expect(error.message).toContain('this process has a handler for it');
  expect(stage.files).toEqual([]);
  receiver.kill('SIGUSR2');
  await until(async () => (await receiver.line()) === 'the handler of the user');
});

test('an address is taken by one at a time, and a file that is something else is left as it is', async () => {
  const stage = new Stage();
  const first = await stage.listening();
  expect(await complaint(stage.receiver())).toEqual({
    code: 'ALREADY_EXISTS',
    reason: 'ADDRESS_IN_USE',
    message: `cannot listen at ${stage.url}: process ${first.pid} has announced itself in ${stage.path}`,
  });
  await first.end();
  writeFileSync(stage.path, 'my notes\n');
  expect(await complaint(stage.receiver())).toMatchObject({
    code: 'ALREADY_EXISTS',
    message: `cannot listen at ${stage.url}: ${stage.path} is a file that is no announcement; it was left as it is`,
  });
  expect(readFileSync(stage.path, 'utf8')).toBe('my notes\n');
});

test('refuses rules about peers, which it could not enforce, and to listen for nothing', async () => {
  const address = parseAddress('signal:./never');
  const listen = (options: object, notifications = BELL) =>
    rejection(signalTransport.listen(address, { ...options }, () => undefined, undefined, notifications));
  const error = await listen({ allow: { uid: 0 } });
  expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED' });
  expect(error.message).toContain('capability: credentials');
  expect((await listen({}, [])).message).toContain('there is nothing to listen for');
  expect((await listen({ colour: 1 })).code).toBe('INVALID_ARGUMENT');
  await expect(signalTransport.connect(parseAddress('signal:a/b'), {}, 0)).rejects.toThrow('bare name');
});

test('threads, children and handlers of the receiving process go on as before, and all is as it was after closing', async () => {
  const stage = new Stage();
  const receiver = stage.receiver({}, 'later');
  const before = await receiver.ask('masks');
  await receiver.ask('handle');
  await receiver.ask('listen');
  expect(await receiver.ask('masks')).not.toEqual(before);
  expect(await receiver.ask('spawn')).toBe(0);
  receiver.kill('SIGUSR2');
  await until(async () => (await receiver.line()) === 'the handler of the user');
  const link = await stage.connect();
  trySend(link, VISIT, 5);
  await until(async () => (((await receiver.line()) ?? {}) as { value?: number }).value === 5);
  await receiver.ask('close');
  expect(await receiver.ask('masks')).toEqual(before);
  expect(await receiver.end()).toBe(0);
});

test('a worker thread can receive, and when it is terminated its signals are free again', async () => {
  const stage = new Stage();
  const receiver = stage.receiver({}, 'later');
  await receiver.ask('worker');
  await until(async () => (((await receiver.line()) ?? {}) as { listening?: string }).listening === stage.url);
  const link = await stage.connect();
  expect(link.peer.credentials?.pid).toBe(receiver.pid);
  trySend(link, VISIT, 6);
  expect(await receiver.line()).toMatchObject({ place: VISIT, value: 6 });
  await receiver.ask('terminate');
  expect(() => trySend(link, RING)).toThrow('it has stopped listening');
  receiver.tell('listen');
  expect(await receiver.line()).toEqual({ listening: stage.url });
  trySend(await stage.connect(), VISIT, 7);
  await until(async () => (((await receiver.line()) ?? {}) as { value?: number }).value === 7);
});

test('sends and receives on one thread, refuses to block it, and leaves nothing behind', async () => {
  const stage = new Stage();
  let accepted: Link | undefined;
  const before = threadMasks();
  const onLink = (link: Link): void => {
    accepted = link;
  };
  const listener = await signalTransport.listen(parseAddress(stage.url), {}, onLink, undefined, BELL);
  const link = await stage.connect();
  // A sender and a receiver on one thread: the kernel is between them.
  trySend(link, VISIT, 9);
  expect(await accepted?.whenReadable(performance.now() + 5000)).toBe(true);
  const span = accepted?.receive();
  expect(span?.view.getUint32(4, true)).toBe(9);
  accepted?.release();
  expect(() => signalTransport.connectSync(parseAddress(stage.url), {}, 0)).toThrow(/would wait for itself/);
  expect(() => accepted?.claim(8)).toThrow(/capability directions/);
  await listener.close();
  await accepted?.close();
  await accepted?.close();
  expect(threadMasks()).toEqual(before);
  expect(stage.files).toEqual([]);
});
