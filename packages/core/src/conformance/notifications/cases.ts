import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { parseAddress } from '../../transport/address.js';
import type { Link, TransportOptions } from '../../transport/contract.js';
import { NOTIFICATION_BYTES } from '../../transport/notification.js';
import { expectEndIs, expectRejects, expectThrows } from '../expectations.js';
import type { NotificationTest } from './options.js';
import { GUEST, KNOCK, NOTIFICATIONS, type NotificationStage, receiveOne, send, trySend } from './stage.js';

type State = (promise: string, body: (stage: NotificationStage) => Promise<void>) => unknown;

const never = Number.POSITIVE_INFINITY;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export function manifest(it: State, { capabilities }: NotificationTest): void {
  it('states the capabilities that are expected of it, all of them and no other', async ({ transport }) => {
    assert.deepEqual({ ...transport.capabilities }, { ...capabilities });
  });

  it('gives each wrong option a line that names it', async ({ transport }) => {
    const problems = transport.validateOptions({ noSuchOption: true, maxMessageBytes: -1 });
    for (const option of ['noSuchOption', 'maxMessageBytes']) {
      assert.ok(
        problems.some((line) => line.includes(option)),
        `no line names ${option}`,
      );
    }
  });

  it('refuses to listen for nothing: FAILED_PRECONDITION', async ({ transport, newUrl }) => {
    const listening = transport.listen(parseAddress(newUrl()), {}, () => undefined, undefined, []);
    await expectRejects(listening, { code: 'FAILED_PRECONDITION' });
  });

  it('tells both ends which notifications there are, in the same order', async (stage) => {
    const { sender, receiver } = await stage.pair();
    for (const link of [sender, receiver]) {
      assert.deepEqual(
        link.notifications.map(({ path, value }) => ({ path, value })),
        NOTIFICATIONS,
      );
      assert.equal(link.maxMessageBytes, NOTIFICATION_BYTES);
    }
    assert.deepEqual([sender.direction, receiver.direction], ['send', 'receive']);
  });
}

export function delivery(it: State, { merging, waiting = 500 }: NotificationTest): void {
  it('carries each notification with its value, all 32 bits of it', async (stage) => {
    const { sender, receiver } = await stage.pair();
    for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      send(sender, GUEST, value);
      assert.deepEqual(await stage.receive(receiver, 1), [{ place: GUEST, value }]);
    }
    send(sender, KNOCK);
    assert.deepEqual(await stage.receive(receiver, 1), [{ place: KNOCK, value: 0 }]);
  });

  it('keeps notifications that wait, in order, each with its value', async (stage) => {
    const { sender, receiver } = await stage.pair();
    for (const i of numbers(waiting)) send(sender, GUEST, i);
    const got = await stage.receive(receiver, waiting);
    assert.deepEqual(
      got.map(({ value }) => value),
      numbers(waiting),
    );
    assert.equal(receiveOne(receiver), undefined, 'nothing comes twice');
  });

  it('keeps equal notifications apart where they do not merge', async (stage) => {
    const { sender, receiver } = await stage.pair();
    for (let i = 0; i < 10; i++) send(sender, GUEST, 7);
    const got = await stage.receive(receiver, 10);
    assert.ok(got.every(({ place, value }) => place === GUEST && value === 7));
    assert.equal(receiveOne(receiver), undefined, 'nothing comes twice');
  });

  if (merging !== undefined) {
    it('merges equal notifications while they wait, into one at least', async (stage) => {
      const { sender, receiver } = await stage.pair(merging);
      for (let i = 0; i < 10; i++) send(sender, KNOCK);
      const got = await stage.receive(receiver, 1);
      assert.deepEqual(got, [{ place: KNOCK, value: 0 }]);
      assert.equal(receiveOne(receiver), undefined, 'they became one');
      send(sender, KNOCK);
      assert.equal((await stage.receive(receiver, 1)).length, 1, 'the next one comes again');
    });
  }

  it('sends nothing of a claim that was abandoned', async (stage) => {
    const { sender, receiver } = await stage.pair();
    assert.ok(sender.claim(NOTIFICATION_BYTES));
    sender.abandon();
    send(sender, GUEST, 3);
    assert.deepEqual(await stage.receive(receiver, 1), [{ place: GUEST, value: 3 }]);
  });

  it('refuses what is no notification, and goes on', async (stage) => {
    const { sender, receiver } = await stage.pair();
    expectThrows(() => sender.claim(NOTIFICATION_BYTES + 1), { code: 'RESOURCE_EXHAUSTED' });
    const span = sender.claim(NOTIFICATION_BYTES);
    span?.view.setUint32(span.start, NOTIFICATIONS.length, true);
    expectThrows(() => sender.commit(NOTIFICATION_BYTES), { code: 'INVALID_ARGUMENT' });
    sender.claim(1);
    expectThrows(() => sender.commit(1), { code: 'INVALID_ARGUMENT' });
    send(sender, GUEST, 4);
    assert.deepEqual(await stage.receive(receiver, 1), [{ place: GUEST, value: 4 }]);
  });

  it('refuses to send from the receiving end: FAILED_PRECONDITION, naming the capability', async (stage) => {
    const { receiver } = await stage.pair();
    expectThrows(() => receiver.claim(NOTIFICATION_BYTES), { code: 'FAILED_PRECONDITION', names: 'directions' });
  });

  it('says who sent what was received last', async (stage) => {
    const { sender, receiver } = await stage.pair();
    send(sender, GUEST, 1);
    await stage.receive(receiver, 1);
    assert.equal(receiver.peer.credentials?.pid, process.pid);
    assert.equal(receiver.peer.credentials?.uid, process.getuid?.());
    assert.equal(sender.peer.credentials?.pid, process.pid);
  });

  it('receives from several senders', async (stage) => {
    const { sender, receiver, url } = await stage.pair();
    const other = await stage.connect(url);
    for (const i of numbers(20)) send(i % 2 === 0 ? sender : other, GUEST, i);
    const got = await stage.receive(receiver, 20);
    for (const rest of [0, 1]) {
      const own = got.map(({ value }) => value).filter((value) => value % 2 === rest);
      assert.deepEqual(
        own,
        numbers(20).filter((i) => i % 2 === rest),
        'those of one sender are in order',
      );
    }
  });
}

export function waiting(it: State): void {
  it('whenReadable says no at its deadline, not before, and yes to a notification', async (stage) => {
    const { sender, receiver } = await stage.pair();
    const began = performance.now();
    assert.equal(await receiver.whenReadable(began + 30), false);
    assert.ok(performance.now() >= began + 30, 'it waited');
    const waiting = receiver.whenReadable(never);
    await setTimeout(10);
    send(sender, GUEST, 5);
    assert.equal(await waiting, true);
    assert.equal(await receiver.whenReadable(0), true, 'whatever the deadline');
  });

  it('whenReadable is rejected by its signal, and nothing is lost by it', async (stage) => {
    const { sender, receiver } = await stage.pair();
    const controller = new AbortController();
    const waiting = receiver.whenReadable(never, controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    send(sender, GUEST, 6);
    assert.deepEqual(await stage.receive(receiver, 1), [{ place: GUEST, value: 6 }]);
  });

  it('receives nothing while on hold, and all of it when released', async (stage) => {
    const { sender, receiver, listener } = await stage.pair();
    assert.ok(listener.hold !== undefined && listener.release !== undefined, 'the listener can hold and release');
    const before = receiver.whenReadable(performance.now() + 60);
    listener.hold();
    listener.hold();
    for (const i of numbers(50)) send(sender, GUEST, i);
    assert.equal(await before, false, 'a wait that had begun does not see them');
    assert.equal(receiveOne(receiver), undefined);
    assert.equal(receiver.pollReadable(), false);
    const after = receiver.whenReadable(never);
    listener.release();
    assert.equal(await after, true);
    const got = await stage.receive(receiver, 50);
    assert.deepEqual(
      got.map(({ value }) => value),
      numbers(50),
    );
  });

  it('whenWritable says yes at once where there is room', async (stage) => {
    const { sender } = await stage.pair();
    assert.equal(await sender.whenWritable(NOTIFICATION_BYTES, 0), true);
  });

  it('waitTaken says no while the receiver has not taken what was sent, and yes then', async (stage) => {
    const { sender, receiver, listener } = await stage.pair();
    assert.equal(sender.waitTaken?.(0), true, 'nothing was sent');
    listener.hold?.();
    send(sender, GUEST, 8);
    const began = performance.now();
    assert.equal(sender.waitTaken?.(began + 30), false);
    assert.ok(performance.now() >= began + 30, 'it waited');
    listener.release?.();
    await stage.receive(receiver, 1);
    assert.equal(sender.waitTaken?.(performance.now() + stage.patienceMs), true);
  });
}

export function ending(it: State): void {
  it('close is an orderly end, once, among any other closes and aborts', async (stage) => {
    const { sender, receiver } = await stage.pair();
    for (const link of [sender, receiver]) {
      assert.equal(link.end, undefined);
      await link.close();
      expectEndIs(link.end, { by: 'local', orderly: true });
      const end = link.end;
      link.abort();
      await link.close();
      link.closeSync();
      assert.equal(link.end, end);
      assert.equal(await link.closed, end);
      expectThrows(() => link.claim(NOTIFICATION_BYTES), {});
      assert.equal(link.receive(), null);
      assert.equal(link.ended, true);
      assert.equal(await link.whenReadable(never), true);
    }
  });

  it('what was sent before its sender closed is received', async (stage) => {
    const { sender, receiver } = await stage.pair();
    for (const i of numbers(20)) send(sender, GUEST, i);
    await sender.close();
    assert.equal((await stage.receive(receiver, 20)).length, 20);
    assert.equal(receiver.ended, false, 'others may send');
  });

  it('a sender learns with its next message that the receiver has closed: UNAVAILABLE', async (stage) => {
    const { sender, receiver } = await stage.pair();
    await receiver.close();
    expectThrows(() => trySend(sender, GUEST, 1), { code: 'UNAVAILABLE' });
    expectEndIs(sender.end, { by: 'peer', orderly: true, code: 'UNAVAILABLE' });
    assert.equal(await sender.whenReadable(never), true);
  });

  it('waits of the receiver end when it closes', async (stage) => {
    const { receiver } = await stage.pair();
    const waiting = receiver.whenReadable(never);
    await receiver.close();
    assert.equal(await waiting, true);
    assert.equal(receiver.ended, true);
  });

  it('abort is a disorderly end, with the error that it is given', async (stage) => {
    const { sender } = await stage.pair();
    sender.abort();
    expectEndIs(sender.end, { by: 'local', orderly: false });
  });
}

export function listening(it: State): void {
  const options: TransportOptions = {};

  it('cannot connect where nobody listens: UNAVAILABLE (UNREACHABLE)', async (stage) => {
    await expectRejects(stage.connect(stage.newUrl()), { code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
  });

  it('tells at which URL it can be reached', async (stage) => {
    const { url, listener } = await stage.listen();
    assert.equal(listener.url, url);
  });

  it('refuses to listen where somebody listens, ALREADY_EXISTS (ADDRESS_IN_USE), and does not harm him', async (stage) => {
    const { url, receiver, sender } = await stage.pair();
    await expectRejects(stage.listen(url, options), { code: 'ALREADY_EXISTS', reason: 'ADDRESS_IN_USE' });
    send(sender, GUEST, 1);
    assert.equal((await stage.receive(receiver, 1)).length, 1);
  });

  it('lets nobody connect any more when it stops listening, keeps its senders, and frees its address', async (stage) => {
    const { url, receiver, sender, listener } = await stage.pair();
    await listener.close();
    await listener.close();
    await expectRejects(stage.connect(url), { code: 'UNAVAILABLE', reason: 'UNREACHABLE' });
    send(sender, GUEST, 2);
    assert.equal((await stage.receive(receiver, 1)).length, 1);
    await receiver.close();
    const again = await stage.listen(url);
    send(await stage.connect(url), GUEST, 3);
    assert.deepEqual(await stage.receive(again.receiver, 1), [{ place: GUEST, value: 3 }]);
  });

  it('does not connect with an aborted signal', async (stage) => {
    const { url } = await stage.listen();
    const signal = AbortSignal.abort(new Error('not now'));
    await assert.rejects(stage.transport.connect(parseAddress(url), {}, never, signal), /not now/);
  });

  it('refuses to block the thread that receives: FAILED_PRECONDITION', async (stage) => {
    const { url } = await stage.listen();
    const connect = (): Link => stage.transport.connectSync(parseAddress(url), {}, never);
    expectThrows(connect, { code: 'FAILED_PRECONDITION' });
  });
}
