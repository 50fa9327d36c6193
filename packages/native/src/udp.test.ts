import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { descriptorFlags, O_CLOEXEC, O_NONBLOCK } from './testing/proc.js';
import { thrownBy } from './testing/sockets.js';

const addon = loadAddon();
const ORIGIN_BYTES = 56;
const hosts = ['127.0.0.1', '::1'];

/** A listener, a client that has sent it `text`, and where that came from. */
function met(host: string, text = 'hello') {
  const listener = addon.bindUdp(host, 0, false);
  const client = addon.connectUdp(host, addon.inetAddress(listener, false).port);
  addon.write(client, Buffer.from(text), 0, text.length);
  addon.poll([listener], [1], 5000);
  const bytes = Buffer.alloc(100);
  const origin = new Uint8Array(ORIGIN_BYTES);
  const length = addon.receiveFrom(listener, bytes, 0, 100, origin);
  return {
    listener,
    client,
    origin,
    heard: bytes.toString('utf8', 0, length),
    [Symbol.dispose]: () => {
      listener.close();
      client.close();
    },
  };
}

test('a datagram comes with its origin, which can be answered, over IPv4 and IPv6', () => {
  for (const host of hosts) {
    using pair = met(host);
    expect(pair.heard).toBe('hello');
    expect(addon.sendTo(pair.listener, Buffer.from('you too'), 0, 7, pair.origin)).toBe(7);
    addon.poll([pair.client], [1], 5000);
    const bytes = Buffer.alloc(100);
    expect(bytes.toString('utf8', 0, addon.read(pair.client, bytes, 0, 100))).toBe('you too');
    for (const fd of [pair.listener, pair.client])
      expect(descriptorFlags(fd.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  }
});

test('a forked socket gets what its peer sends, and nothing else; the listener hears the others', () => {
  for (const host of hosts) {
    using pair = met(host);
    const forked = addon.forkUdp(pair.listener, pair.origin);
    expect(addon.inetAddress(forked, false)).toEqual(addon.inetAddress(pair.listener, false));
    expect(addon.inetAddress(forked, true)).toEqual(addon.inetAddress(pair.client, false));
    const other = addon.connectUdp(host, addon.inetAddress(pair.listener, false).port);
    addon.write(pair.client, Buffer.from('mine'), 0, 4);
    addon.write(other, Buffer.from('theirs'), 0, 6);
    const bytes = Buffer.alloc(100);
    addon.poll([forked], [1], 5000);
    expect(bytes.toString('utf8', 0, addon.read(forked, bytes, 0, 100))).toBe('mine');
    expect(addon.read(forked, bytes, 0, 100)).toBe(-1);
    addon.poll([pair.listener], [1], 5000);
    const origin = new Uint8Array(ORIGIN_BYTES);
    expect(bytes.toString('utf8', 0, addon.receiveFrom(pair.listener, bytes, 0, 100, origin))).toBe('theirs');
    expect(addon.receiveFrom(pair.listener, bytes, 0, 100, origin)).toBe(-1);
    for (const fd of [forked, other]) fd.close();
  }
});

test('a listener of every address answers from the one that was called, and so does what it forks', () => {
  const listener = addon.bindUdp('0.0.0.0', 0, false);
  const client = addon.connectUdp('127.0.0.2', addon.inetAddress(listener, false).port);
  const bytes = Buffer.from('hello');
  const origin = new Uint8Array(ORIGIN_BYTES);
  addon.write(client, bytes, 0, 5);
  addon.poll([listener], [1], 5000);
  addon.receiveFrom(listener, bytes, 0, 5, origin);
  // A connected socket takes nothing from another address.
  addon.sendTo(listener, bytes, 0, 5, origin);
  expect(addon.poll([client], [1], 5000)).toBe(1);
  expect(addon.read(client, bytes, 0, 5)).toBe(5);
  const forked = addon.forkUdp(listener, origin);
  expect(addon.inetAddress(forked, false).host).toBe('127.0.0.2');
  addon.write(forked, bytes, 0, 5);
  expect(addon.poll([client], [1], 5000)).toBe(1);
  for (const fd of [listener, client, forked]) fd.close();
});

test("an address is one listener's alone, though sockets that it forked may outlive it", () => {
  const pair = met('127.0.0.1');
  const { port } = addon.inetAddress(pair.listener, false);
  const forked = addon.forkUdp(pair.listener, pair.origin);
  for (const beside of [false, true]) {
    expect(thrownBy(() => addon.bindUdp('127.0.0.1', port, beside))).toMatchObject({ code: 'EADDRINUSE' });
  }
  const program =
    'import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.setsockopt(1,2,1)\ns.bind(("127.0.0.1",int(sys.argv[1])))';
  expect(spawnSync('python3', ['-c', program, String(port)], { encoding: 'utf8' }).stderr).toContain('in use');
  pair[Symbol.dispose]();
  expect(thrownBy(() => addon.bindUdp('127.0.0.1', port, false))).toMatchObject({ code: 'EADDRINUSE' });
  addon.bindUdp('127.0.0.1', port, true).close();
  forked.close();
  addon.bindUdp('127.0.0.1', port, false).close();
});

test('a datagram that has no room tells its whole length', () => {
  using pair = met('127.0.0.1');
  addon.write(pair.client, Buffer.alloc(500), 0, 500);
  addon.poll([pair.listener], [1], 5000);
  expect(addon.receiveFrom(pair.listener, Buffer.alloc(10), 0, 10, pair.origin)).toBe(500);
});

test('a caller is told that nobody is there, and of a message that no datagram can hold', () => {
  const listener = addon.bindUdp('127.0.0.1', 0, false);
  const client = addon.connectUdp('127.0.0.1', addon.inetAddress(listener, false).port);
  const large = Buffer.alloc(65_508);
  expect(addon.write(client, large, 0, 65_507)).toBe(65_507);
  expect(thrownBy(() => addon.write(client, large, 0, 65_508))).toMatchObject({ code: 'EMSGSIZE' });
  listener.close();
  addon.write(client, large, 0, 1);
  expect(addon.poll([client], [1], 5000) & 8).toBe(8);
  expect(thrownBy(() => addon.read(client, large, 0, 1))).toMatchObject({ code: 'ECONNREFUSED' });
  client.close();
});

test('origins that are none are refused', () => {
  using pair = met('127.0.0.1');
  const bytes = Buffer.alloc(8);
  const loose = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const origin of [undefined, {}, 'x', new Uint16Array(28)]) {
    expect(() => loose.receiveFrom!(pair.listener, bytes, 0, 8, origin)).toThrow(TypeError);
    expect(() => loose.sendTo!(pair.listener, bytes, 0, 8, origin)).toThrow(TypeError);
    expect(() => loose.forkUdp!(pair.listener, origin)).toThrow(TypeError);
  }
  for (const origin of [new Uint8Array(55), new Uint8Array(ORIGIN_BYTES)])
    expect(() => addon.sendTo(pair.listener, bytes, 0, 8, origin)).toThrow(RangeError);
  for (const host of ['localhost', '', '127.0.0.256'])
    expect(thrownBy(() => addon.connectUdp(host, 7000)).message).toContain('the host is not a numeric address');
  expect(() => loose.bindUdp!('127.0.0.1', 0)).toThrow(TypeError);
});
