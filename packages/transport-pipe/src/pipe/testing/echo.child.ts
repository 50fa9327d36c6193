/**
 * The program of the children: makes a link of the pipes that it was started with, and answers messages.
 * Arguments: how (`listen`, `connect`, `connectSync`), the URL.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, writeSync } from 'node:fs';
import { type Link, parseAddress } from '@callgate/core/transport';
import { pipeTransport } from '../../index.js';

const NEVER = Number.POSITIVE_INFINITY;
const [how, url] = process.argv.slice(2) as [string, string];
const address = parseAddress(url);

/** What is behind each open descriptor, by number. */
function descriptors(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const number of readdirSync('/proc/self/fd')) {
    try {
      found[number] = readlinkSync(`/proc/self/fd/${number}`);
    } catch {
      // The one that listed the folder.
    }
  }
  return found;
}

const commands: Record<string, () => string> = {
  descriptors: () => JSON.stringify(descriptors()),
  variable: () => String(process.env.CALLGATE_INHERITED),
  makeNoise() {
    console.log('noise of console.log');
    process.stdout.write('noise of process.stdout\n');
    writeSync(1, 'noise of descriptor 1\n');
    spawnSync('echo', ['noise of a child'], { stdio: 'inherit' });
    return 'made noise';
  },
  readInput: () => String(spawnSync('cat', { stdio: ['inherit', 'pipe', 'inherit'] }).stdout.length),
  exit: () => process.exit(3),
};

function answer(link: Link): void {
  for (let span = link.receive(); span !== null; span = link.receive()) {
    const text = span.bytes.toString('utf8', span.start, span.end);
    link.release();
    const reply = commands[text]?.() ?? `${text} to you`;
    const bytes = Buffer.byteLength(reply);
    const room = link.claim(bytes)!;
    room.bytes.write(reply, room.start);
    link.commit(bytes);
    link.flush();
  }
}

async function serve(link: Link): Promise<void> {
  while (!link.ended) {
    await link.whenReadable(NEVER);
    answer(link);
  }
}

function serveSync(link: Link): void {
  while (!link.ended) {
    link.waitReadable(NEVER);
    answer(link);
  }
}

const fail = (error: Error): void => {
  console.error(`child: ${error.message}`);
  process.exitCode = 1;
};
try {
  if (how === 'listen') await pipeTransport.listen(address, {}, (link) => void serve(link), fail);
  else if (how === 'connect') await serve(await pipeTransport.connect(address, {}, NEVER));
  else serveSync(pipeTransport.connectSync(address, {}, NEVER));
} catch (error) {
  fail(error as Error);
}
