// Calls the Bell at the address of its first argument, blocking, once with each timeout of the others.
import { writeSync } from 'node:fs';
import { createSyncClient, RpcError, type Timeout } from '../index.js';
import { Bell } from './bell.js';

const [url = '', ...timeouts] = process.argv.slice(2);
// Half a second: the server may share its processor with other tests.
const client = createSyncClient(Bell, url, { immediateGraceMs: 500 });
for (const timeout of timeouts) {
  const began = performance.now();
  try {
    client.visit?.({ number: 7 }, { timeout: JSON.parse(timeout) as Timeout });
    writeSync(1, '"taken"\n');
  } catch (error) {
    const { code, reason, message } = RpcError.from(error);
    writeSync(1, `${JSON.stringify({ code, reason, message, afterMs: performance.now() - began })}\n`);
  }
}
client.$close();
