// Sends, blocking its thread: "visit <count>" numbered visits, each once the one before was taken or (with "flood") as
// soon as there is room; "try <ms>" one visit, and waits that long until it is taken.
import { createInterface } from 'node:readline';
import { type Link, parseAddress } from '@callgate/core/transport';
import { signalTransport } from '../transport.js';
import { say } from './lines.js';
import { trySend, VISIT } from './notifications.js';

const [url = ''] = process.argv.slice(2);
const never = Number.POSITIVE_INFINITY;

function connect(): Link {
  return signalTransport.connectSync(parseAddress(url), {}, performance.now() + 5000);
}

let link = connect();
say('connected');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, number] = line.split(' ');
  const count = Number(number);
  try {
    if (command === 'flood') {
      for (let i = 0; i < count; i++) while (!trySend(link, VISIT, i)) link.waitWritable(8, never);
      say({ taken: link.waitTaken?.(never) });
    } else if (command === 'visit') {
      for (let i = 0; i < count; i++) {
        trySend(link, VISIT, i);
        link.waitTaken?.(never);
      }
      say({ taken: true });
    } else if (command === 'try') {
      const sent = trySend(link, VISIT, 7);
      const began = performance.now();
      say({ sent, taken: link.waitTaken?.(began + count), waitedMs: performance.now() - began });
    } else if (command === 'pester') {
      // Whoever listens, for as long as asked, whatever happens to it.
      let sent = 0;
      for (const until = performance.now() + count; performance.now() < until; ) {
        try {
          if (link.end !== undefined) link = connect();
          if (trySend(link, VISIT, sent)) sent++;
        } catch {
          // Nobody listens just now.
        }
      }
      say({ sent: sent > 0 });
    } else {
      link.closeSync();
      say('closed');
    }
  } catch (error) {
    const { code, reason, message } = error as { code?: string; reason?: string; message: string };
    say({ code, reason, message, end: link.end?.by });
  }
  if (link.end !== undefined && command !== 'close') say({ ended: link.end.by, reason: link.end.error.reason });
}
