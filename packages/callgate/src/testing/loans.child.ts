/** A server that says what it got of bytes, and how: `copied` or `lent`. Keeps what it is sent until it is told to release or forget it. */
import { crc32 } from 'node:zlib';
import { Desk, type Slip } from '../faults/testing/gen/desk.js';
import { createServer, releaseLoan } from '../index.js';

const [url, trusted] = process.argv.slice(2) as [string, string];
let kept: Uint8Array[] = [];

const server = createServer(trusted === 'configured' ? {} : { trusted: trusted === 'trusted' });
server.add(Desk, {
  echo: ({ text, data, number }: Slip) => {
    const how = data.buffer.byteLength > data.length ? 'lent' : 'copied';
    const sum = crc32(data);
    kept.push(data);
    if (text === 'release') for (const bytes of kept.splice(0)) releaseLoan(bytes);
    if (text === 'forget') kept = [];
    return { text: `${how} ${data.length} ${sum} ${number}` };
  },
  fill: ({ number }, context) => {
    const data = context.allocate(number);
    for (let i = 0; i < number; i += 4096) data[i] = i >> 12;
    return { data };
  },
  held: () => {
    globalThis.gc?.();
    return { number: kept.length };
  },
  whoami: () => ({ pid: process.pid }),
  fail: () => ({}),
  hang: () => ({}),
  busy: () => ({}),
  wait: () => ({}),
  drop: () => undefined,
});
await server.listen(url);
process.send?.('listening');
