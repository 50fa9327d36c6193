/** Links on which nothing is said end by themselves, on either side. */
import { type Link, parseAddress } from '@callgate/core/transport';
import { loadAddon } from '@callgate/native';
import { expect, it } from 'vitest';
import { udpTransport } from '../index.js';
import { listen } from './listen.js';
import { resolveUdpOptions } from './options.js';
import { RawPeer } from './testing/raw.js';

/** Shorter than users may have it. */
const IDLE_MS = 1000;

async function shortLived() {
  let accept!: (link: Link) => void;
  const accepted = new Promise<Link>((resolve) => {
    accept = resolve;
  });
  const options = { ...resolveUdpOptions({}), idleMs: IDLE_MS };
  const listener = await listen(loadAddon(), parseAddress('udp:0'), options, accept, () => undefined);
  return { listener, accepted, [Symbol.asyncDispose]: () => listener.close() };
}

it('a client that says nothing leaves in order, before its server forgets it', async () => {
  await using at = await shortLived();
  const client = await udpTransport.connect(parseAddress(at.listener.url), {}, performance.now() + 5000);
  const server = await at.accepted;
  const end = await client.closed;
  expect([end.by, end.orderly, end.error.reason]).toEqual(['local', true, 'CLOSED']);
  expect(end.error.message).toBe('the link was given up: nothing was sent for a while');
  expect((await server.closed).error.reason).toBe('PEER_CLOSED');
});

it('a client that goes on speaking stays', async () => {
  await using at = await shortLived();
  const client = await udpTransport.connect(parseAddress(at.listener.url), {}, performance.now() + 5000);
  for (const until = performance.now() + 1.5 * IDLE_MS; performance.now() < until; ) {
    client.claim(1);
    client.commit(1);
    await client.whenReadable(performance.now() + IDLE_MS / 8);
  }
  expect(client.end).toBeUndefined();
  expect((await at.accepted).end).toBeUndefined();
  client.abort();
  (await at.accepted).abort();
});

it('a server forgets a client of which it hears nothing, and says why', async () => {
  await using at = await shortLived();
  await using stranger = await RawPeer.to(Number(at.listener.url.split(':').at(-1)));
  await stranger.link(5n);
  const end = await (await at.accepted).closed;
  expect([end.by, end.orderly]).toEqual(['local', true]);
  expect(end.error.message).toMatch(/^the link was given up: nothing was heard of the peer at udp:.* for 1000 ms$/);
});
