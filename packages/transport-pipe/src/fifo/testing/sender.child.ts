/** Sends one way, blocking, or listens: `flood <url> <digit> <count>`, `taken <url>`, `listen <url>`. */
import { type Link, parseAddress } from '@callgate/core/transport';
import { fifoTransport } from '../../index.js';

const NEVER = Number.POSITIVE_INFINITY;
const [what, url, who = '', count = '0'] = process.argv.slice(2) as [string, string, string?, string?];
const address = parseAddress(url);

function put(link: Link, text: string): void {
  for (;;) {
    const span = link.claim(text.length);
    if (span === null) {
      link.waitWritable(text.length, NEVER);
      continue;
    }
    span.bytes.write(text, span.start, 'latin1');
    link.commit(text.length);
    return;
  }
}

if (what === 'listen') {
  await fifoTransport.listen(address, { direction: 'receive' }, () => undefined);
  console.log('listening');
} else {
  const link = fifoTransport.connectSync(address, { direction: 'send' }, performance.now() + 10_000);
  if (what === 'flood') {
    for (let i = 0; i < Number(count); i++) put(link, `${who} ${i} ${who.repeat((i * 37) % 4000)}`);
    link.closeSync(NEVER);
  } else {
    put(link, 'first');
    put(link, 'second');
    console.log(`within 30 ms: ${link.waitTaken?.(performance.now() + 30)}`);
    console.log('waiting');
    console.log(`without end: ${link.waitTaken?.(NEVER)}`);
    put(link, 'third');
    link.waitTaken?.(NEVER);
    put(link, 'fourth');
    console.log('waiting for nobody');
    console.log(`without end: ${link.waitTaken?.(NEVER)} ${link.end?.error.code}`);
  }
}
