// Serves the ledger at a URL, and answers after so many milliseconds. Entries are lines at the end of the book.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer } from '../../index.js';
import { Ledger } from './ledger.js';

const [url = '', book = '', delayMs = '0'] = process.argv.slice(2);
const answer = async (text: string): Promise<{ text: string }> => {
  if (delayMs !== '0') await delay(Number(delayMs));
  return { text };
};

const server = createServer({ onError: () => undefined });
server.add(Ledger, {
  read: (_request, { previousAttempts }) => answer(`${process.pid} ${previousAttempts}`),
  write: ({ text }) => {
    appendFileSync(book, `${text}\n`);
    return answer(`${process.pid} 0`);
  },
});
await server.listen(url);
process.stdout.write('listening\n');
process.stdin.resume().once('end', () => void server.close());
