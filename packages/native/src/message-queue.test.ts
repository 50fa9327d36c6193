import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, expect, test } from 'vitest';
import {
  createMessageQueue,
  loadAddon,
  type MessageQueue,
  type MessageQueueOptions,
  messageQueueKey,
  queueRows,
} from './index.js';
import { runScenario, startChild } from './testing/child.js';

const addon = loadAddon();
const queues: MessageQueue[] = [];
const before = new Set(queueRows().map((row) => row.id));

function fresh(options: MessageQueueOptions = {}): MessageQueue {
  const queue = createMessageQueue(options);
  queues.push(queue);
  return queue;
}

afterEach(() => {
  for (const queue of queues.splice(0)) {
    queue.close();
    addon.removeMessageQueue(addon.attachMessageQueue(queue.id));
  }
});

afterAll(() => {
  const own = (id: number): boolean => addon.messageQueueStatus(addon.attachMessageQueue(id)).creatorUid >= 0;
  expect(queueRows().filter((row) => !before.has(row.id) && names.has(row.key) && own(row.id))).toEqual([]);
});

const names = new Set<number>();
const uniqueName = (): string => {
  const name = `callgate-test-${process.pid}-${names.size}-${Date.now()}`;
  names.add(messageQueueKey(name));
  return name;
};

const bytes = (text: string): Buffer => Buffer.from(text);
const thrownBy = (action: () => unknown): NodeJS.ErrnoException => {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('nothing was thrown');
};

test('messages come whole, in order, with their types, an empty one too', () => {
  const queue = fresh();
  for (const [text, type] of [
    ['one', 1],
    ['', 7],
    ['three', 2 ** 40],
  ] as const)
    queue.sendSync(bytes(text), { type });
  expect(queue.status()).toMatchObject({ messages: 3, bytes: 8, lastSender: process.pid, mode: 0o600 });
  const got = [1, 2, 3].map(() => queue.receiveSync({ timeout: 'immediate' }));
  expect(got.map((message) => [message?.bytes.toString(), message?.type])).toEqual([
    ['one', 1],
    ['', 7],
    ['three', 2 ** 40],
  ]);
  expect(queue.receiveSync({ timeout: 'immediate' })).toBeNull();
});

test('a receiver chooses by type: one type, or the lowest up to a bound', () => {
  const queue = fresh();
  for (const type of [5, 3, 9, 3]) queue.sendSync(bytes(String(type)), { type });
  expect(queue.receiveSync({ type: 9 })?.type).toBe(9);
  expect(queue.receiveSync({ type: -4 })?.type).toBe(3);
  expect(queue.receiveSync({ type: -2, timeout: 'immediate' })).toBeNull();
  expect(queue.receiveSync({ type: 0 })?.type).toBe(5);
});

test('a full queue is a value, in all three timeouts, awaited and blocking', async () => {
  const queue = fresh({ capacityBytes: 100 });
  expect(queue.sendSync(Buffer.alloc(100))).toBe(true);
  expect(queue.sendSync(bytes('x'), { timeout: 'immediate' })).toBe(false);
  expect(await queue.send(bytes('x'), { timeout: 'immediate' })).toBe(false);
  const begun = performance.now();
  expect(queue.sendSync(bytes('x'), { timeout: 20 })).toBe(false);
  expect(await queue.send(bytes('x'), { timeout: 20 })).toBe(false);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
  const sending = queue.send(bytes('late'));
  expect(queue.receiveSync()?.bytes).toHaveLength(100);
  expect(await sending).toBe(true);
  expect(queue.receiveSync({ timeout: 'immediate' })?.bytes.toString()).toBe('late');
});

test('an empty queue is a value, in all three timeouts, awaited and blocking', async () => {
  const queue = fresh();
  const begun = performance.now();
  expect(queue.receiveSync({ timeout: 20 })).toBeNull();
  expect(await queue.receive({ timeout: 20 })).toBeNull();
  expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
  expect(await queue.receive({ timeout: 'immediate' })).toBeNull();
  const receiving = queue.receive();
  await new Promise(setImmediate);
  queue.sendSync(bytes('now'));
  expect((await receiving)?.bytes.toString()).toBe('now');
});

test('what is awaited at the same time is received by each once, by type', async () => {
  const queue = fresh();
  const both = [queue.receive({ type: 1 }), queue.receive({ type: 2 })];
  await new Promise(setImmediate);
  queue.sendSync(bytes('two'), { type: 2 });
  queue.sendSync(bytes('one'), { type: 1 });
  expect((await Promise.all(both)).map((message) => message?.bytes.toString())).toEqual(['one', 'two']);
});

test('a signal and a close end what is awaited, and no message is lost by it', async () => {
  const queue = fresh();
  const controller = new AbortController();
  const aborted = queue.receive({ signal: controller.signal });
  controller.abort(new Error('changed my mind'));
  await expect(aborted).rejects.toThrow('changed my mind');
  queue.sendSync(bytes('still there'));
  expect((await queue.receive())?.bytes.toString()).toBe('still there');
  const closed = queue.receive();
  queue.close();
  await expect(closed).rejects.toMatchObject({ code: 'EBADF' });
});

test('removing a queue ends every wait for it with EIDRM', async () => {
  const queue = fresh();
  const waiting = queue.receive();
  await new Promise(setImmediate);
  queue.unlink();
  await expect(waiting).rejects.toMatchObject({ code: 'EIDRM' });
  expect(thrownBy(() => queue.sendSync(bytes('x'))).message).toContain('the queue was removed');
  queue.unlink();
});

test('a queue is met by its name; what is missing, or there already, is said in words', () => {
  const name = uniqueName();
  const missing = thrownBy(() => createMessageQueue({ name, create: 'never' }));
  expect(missing).toMatchObject({ code: 'ENOENT', syscall: 'msgget' });
  expect(missing.message).toContain(`there is no message queue "${name}"`);
  const queue = fresh({ name });
  const other = fresh({ key: messageQueueKey(name), create: 'never' });
  expect(other.id).toBe(queue.id);
  const taken = thrownBy(() => createMessageQueue({ name, create: 'exclusive' }));
  expect(taken.code).toBe('EEXIST');
  expect(taken.message).toContain(`belongs to uid ${process.geteuid?.()}, with mode 0600`);
});

test('options and sizes that cannot be are refused with the limit', () => {
  expect(() => createMessageQueue({ key: 1, name: 'x' })).toThrow('key and name exclude each other');
  expect(() => createMessageQueue({ key: 2 ** 32 })).toThrow(RangeError);
  const queue = fresh();
  expect(() => queue.sendSync(bytes('x'), { type: 0 })).toThrow(RangeError);
  expect(() => queue.receiveSync({ timeout: -1 })).toThrow(RangeError);
  const tooLong = thrownBy(() => queue.sendSync(Buffer.alloc(1 << 20)));
  expect(tooLong).toMatchObject({ code: 'EMSGSIZE' });
  expect(tooLong.message).toContain('kernel.msgmax');
});

test("somebody else's queue is refused in words that say whose it is", async () => {
  if (process.geteuid?.() !== 0) return;
  const queue = fresh({ name: uniqueName() });
  const words = await runScenario<string>('message-queue.child', `stranger:${queue.key}`);
  expect(words).toContain('EACCES');
  expect(words).toContain('belongs to uid 0, with mode 0600, and uid 65534 may not use it');
});

test('a system that has as many queues as it may says how many, and which limit to raise', () => {
  // A namespace of its own, so that nobody else's queues are in the way, and nobody else misses any.
  const program = new URL('./testing/message-queue.child.js', import.meta.url).pathname;
  const shell = `echo 2 > /proc/sys/kernel/msgmni && exec "${process.execPath}" "${program}" exhaust`;
  const { stdout, stderr } = spawnSync('unshare', ['-Ui', '--map-root-user', 'sh', '-c', shell], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('ENOSPC');
  expect(stdout).toContain('all 2 message queues that this system may have are in use');
  expect(stdout).toContain('the sysctl kernel.msgmni raises the number');
});

test('a blocked process is woken by a message, by its deadline, by a descriptor, or not at all', async () => {
  const woken = await runScenario<Record<string, unknown>>('message-queue.child', 'waits');
  expect(woken).toEqual({ deadline: -1, descriptor: -2, message: 3, late: true, thousand: 1000 });
});

test('a worker that blocks for a message can be terminated, and its own queue goes with it', async () => {
  expect(await runScenario('message-queue.child', 'terminate')).toEqual({ left: 0 });
});

test('an awaited message keeps the process alive, and the event loop turns meanwhile', async () => {
  const queue = fresh();
  const child = startChild('message-queue.child', [`awaits:${queue.id}`]);
  expect(await child.line()).toBe('"turning"');
  queue.sendSync(bytes('come'));
  expect(await child.line()).toBe('come');
  expect((await child.ended).status).toBe(0);
});

test('talks with a Python program that uses the system calls', async () => {
  const queue = fresh();
  const program = `
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_long), ("text", ctypes.c_char * 100)]
m = Message()
got = libc.msgrcv(${queue.id}, ctypes.byref(m), 100, ctypes.c_long(-5), 0)
m2 = Message(m.type + 10, m.text[:got].upper())
libc.msgsnd(${queue.id}, ctypes.byref(m2), got, 0)
`;
  queue.sendSync(bytes('hello'), { type: 4 });
  expect(spawnSync('python3', ['-c', program], { timeout: 20_000 }).status).toBe(0);
  expect(queue.receiveSync({ timeout: 'immediate' })).toEqual({ type: 14, bytes: bytes('HELLO') });
});
