// Calls Lines at the address given, blocking, where attempts fail; says in a line of JSON what came of it.
import { createSyncClient, type RpcError } from '../../index.js';
import { Lines } from './lines.js';

const [url = ''] = process.argv.slice(2);
const { count, gather } = Lines.methods;
const SafeLines = {
  ...Lines,
  methods: { ...Lines.methods, count: { ...count, idempotent: true }, gather: { ...gather, idempotent: true } },
};
const retry = { initialBackoffMs: 1, maxBackoffMs: 2 };
const safe = createSyncClient(SafeLines, url, { retry });
const plain = createSyncClient(Lines, url, { retry });

const headers: unknown[] = [];
function read(replies: Iterable<{ text: string }>): string[] {
  const seen: string[] = [];
  try {
    for (const { text } of replies) seen.push(text);
  } catch (error) {
    seen.push((error as RpcError).message);
  }
  return seen;
}

const onHeaders = (all: { get(key: string): unknown }): void => void headers.push(all.get('run'));
console.log(
  JSON.stringify({
    again: read(safe.count({ text: 'before 2' }, { onHeaders })),
    headers,
    often: read(safe.count({ text: 'before 9' })),
    begun: read(safe.count({ text: 'after' })),
    unsafe: read(plain.count({ text: 'before 1' })),
    stats: safe.$channel.stats,
  }),
);
