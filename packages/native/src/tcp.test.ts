import { expect, test } from 'vitest';
import { loadAddon } from './load.js';
import { descriptorFlags, O_CLOEXEC, O_NONBLOCK } from './testing/proc.js';
import { thrownBy } from './testing/sockets.js';
import { socketOptions, tcpPair } from './testing/tcp.js';

const addon = loadAddon();

test('two ends meet at a port that the system has chosen, over IPv4 and over IPv6', () => {
  for (const host of ['127.0.0.1', '::1']) {
    using pair = tcpPair(host);
    const { port } = addon.inetAddress(pair.listener, false);
    expect(port).toBeGreaterThan(0);
    expect(addon.inetAddress(pair.client, true)).toEqual({ host, port });
    expect(addon.inetAddress(pair.server, true)).toEqual(addon.inetAddress(pair.client, false));
    for (const fd of [pair.listener, pair.client, pair.server])
      expect(descriptorFlags(fd.value) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  }
});

test('what was written before the sending end was closed can be read, and then the end', () => {
  using pair = tcpPair();
  addon.write(pair.client, Uint8Array.of(1, 2, 3), 0, 3);
  addon.endSocket(pair.client);
  const bytes = new Uint8Array(8);
  addon.poll([pair.server], [1], 5000);
  expect(addon.read(pair.server, bytes, 0, 8)).toBe(3);
  addon.poll([pair.server], [1], 5000);
  expect(addon.read(pair.server, bytes, 0, 8)).toBe(0);
  expect(addon.write(pair.server, bytes, 0, 1)).toBe(1);
  addon.poll([pair.client], [1], 5000);
  expect(addon.read(pair.client, bytes, 0, 8)).toBe(1);
});

test('a socket is tuned as it was told: another program reads it from the kernel', () => {
  using pair = tcpPair();
  addon.tuneTcp(pair.client, 7, 3, 2);
  expect(socketOptions(pair.client.value)).toMatchObject({
    noDelay: 1,
    keepAlive: 1,
    idleS: 7,
    intervalS: 3,
    count: 2,
  });
  const own = socketOptions(pair.client.value);
  addon.tuneTcp(pair.server, 0, 1, 1, 20_000);
  expect(socketOptions(pair.server.value)).toMatchObject({ noDelay: 1, keepAlive: 0, sends: 40_000, receives: 40_000 });
  addon.tuneTcp(pair.client, 7, 3, 2, 0);
  expect(socketOptions(pair.client.value)).toEqual(own);
  expect(socketOptions(pair.listener.value).reuse).toBe(1);
});

test('nobody is silent who owes no answer, and neither is a peer that does not read', () => {
  using pair = tcpPair();
  expect(addon.silentMs(pair.client)).toBe(0);
  const bytes = new Uint8Array(65_536);
  for (let count = 0; count !== -1; ) count = addon.write(pair.client, bytes, 0, bytes.length);
  addon.poll([pair.client], [4], 700);
  expect(addon.silentMs(pair.client)).toBe(0);
});

test('a second listener is refused, and so is a call that nobody takes', () => {
  using pair = tcpPair();
  const { port } = addon.inetAddress(pair.listener, false);
  const taken = thrownBy(() => addon.listenTcp('127.0.0.1', port, 1));
  expect(taken).toMatchObject({ code: 'EADDRINUSE' });
  expect(taken.message).toContain(`127.0.0.1:${port}: EADDRINUSE`);
  pair.listener.close();
  const refused = thrownBy(() => {
    const client = addon.connectTcp('127.0.0.1', port);
    try {
      addon.poll([client], [2], 5000);
      addon.finishConnect(client);
    } finally {
      client.close();
    }
  });
  expect(refused).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
});

test('a port is free for the next listener at once, though connections of the last one are not long gone', () => {
  const pair = tcpPair();
  const { port } = addon.inetAddress(pair.listener, false);
  pair.server.close();
  pair[Symbol.dispose]();
  addon.listenTcp('127.0.0.1', port, 1).close();
});

test('hosts that are no numbers, and ports that are none, are refused', () => {
  for (const host of ['localhost', '', '127.0.0.256', '::1::'])
    expect(thrownBy(() => addon.connectTcp(host, 7000)).message).toContain('the host is not a numeric address');
  for (const port of [-1, 65_536, 0.5]) expect(() => addon.listenTcp('127.0.0.1', port, 1)).toThrow(RangeError);
});

test('names are looked up, and what is none has no address', () => {
  expect(addon.lookUpHost('localhost', 5000)?.some((host) => host === '127.0.0.1' || host === '::1')).toBe(true);
  expect(addon.lookUpHost('127.0.0.1', 5000)).toEqual(['127.0.0.1']);
  expect(addon.lookUpHost('x'.repeat(64), Number.POSITIVE_INFINITY)).toEqual([]);
  expect(() => addon.lookUpHost('localhost', Number.NaN)).toThrow(RangeError);
});
