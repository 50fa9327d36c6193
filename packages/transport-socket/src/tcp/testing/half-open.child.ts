/**
 * Both ends of a link in a network of their own (`unshare --net`), whose only interface is taken down between them, so
 * that neither hears of the other any more. Says how each end sees it, as one line of JSON per end.
 */
import { spawnSync } from 'node:child_process';
import { type Link, type LinkEnd, parseAddress } from '@callgate/core/transport';
import { tcpTransport } from '../../index.js';

const mode = process.argv[2];
const options = { keepAliveIdleMs: 1000, keepAliveIntervalMs: 1000, keepAliveCount: 1, unansweredMs: 1000 };

function loopback(state: 'up' | 'down'): void {
  const { status, stderr } = spawnSync('ip', ['link', 'set', 'lo', state], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

function say(end: LinkEnd | undefined): void {
  console.log(JSON.stringify([end?.by, end?.orderly, end?.error.code, end?.error.reason]));
}

function send(link: Link): void {
  link.claim(5);
  link.commit(5);
  link.flush();
}

loopback('up');
const accepted: Link[] = [];
let arrived = (): void => undefined;
const arrival = new Promise<void>((resolve) => {
  arrived = resolve;
});
const listener = await tcpTransport.listen(parseAddress('tcp:0'), options, (link) => {
  accepted.push(link);
  arrived();
});
const link = await tcpTransport.connect(parseAddress(listener.url), options, performance.now() + 5000);
await arrival;
loopback('down');
if (mode !== 'idle') send(link);
if (mode === 'blocked') {
  link.waitReadable(Number.POSITIVE_INFINITY);
  link.receive();
  say(link.end);
} else {
  const readable = link.whenReadable(Number.POSITIVE_INFINITY);
  say(await link.closed);
  await readable;
}
await listener.close();
process.exit();
