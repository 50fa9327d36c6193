/**
 * A bad way between a client and a server: `relay.child.js <port> <seed> <lost> <doubled> <late> <far>`, in per cent, and
 * the last in ms that everything takes each way, listens at a port of its own, which it says, and passes on what is sent
 * to it and what is answered; the same seed, the same dice. `{ lost, doubled, late }` changes it, 'asked' tells how many
 * datagrams have come for the server.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

const [port, seed, ...rest] = process.argv.slice(2).map(Number) as [number, number, ...number[]];
let [lost = 0, doubled = 0, late = 0] = rest;
const far = rest[3] ?? 0;
/** Milliseconds for which what comes late is held back, at most. */
const LATE_MS = 12;

let state = seed;
function dice(): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return (state >>> 8) % 100;
}

function pass(send: () => void): void {
  const fate = dice();
  if (fate < lost) return;
  if (fate < lost + late) setTimeout(send, far + 1 + (dice() * LATE_MS) / 100);
  else if (far > 0) setTimeout(send, far);
  else send();
  if (dice() < doubled) setTimeout(send, far + (dice() * LATE_MS) / 100);
}

const front = createSocket('udp4');
const ways = new Map<string, Socket>();

function wayOf(from: RemoteInfo): Socket {
  const key = `${from.address}:${from.port}`;
  let way = ways.get(key);
  if (way === undefined) {
    way = createSocket('udp4');
    way.on('message', (message) => pass(() => front.send(message, from.port, from.address)));
    // The server has gone: as lost as anything.
    way.on('error', () => undefined);
    ways.set(key, way);
  }
  return way;
}

let asked = 0;
front.on('message', (message, from) => {
  asked++;
  const way = wayOf(from);
  pass(() => way.send(message, port, '127.0.0.1', () => undefined));
});
front.bind(0, '127.0.0.1', () => process.send?.(front.address().port));
process.on('message', (change: 'asked' | { lost: number; doubled: number; late: number }) => {
  if (change === 'asked') {
    process.send?.(asked);
    return;
  }
  ({ lost, doubled, late } = change);
  process.send?.('changed');
});
process.on('disconnect', () => process.exit());
