/** Does what its input says, a line each, and prints what came of it. Ends with its input. */
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { RpcError } from '@callgate/core/errors';
import { type Link, type Listener, parseAddress } from '@callgate/core/transport';
import { fifoTransport } from '../../index.js';

const links: Link[] = [];
let listener: Listener | undefined;
const held: number[] = [];

const say = (error: unknown): void => {
  const { code, reason, message } = RpcError.from(error);
  console.log(`${code} ${reason} ${message}`);
};

const commands: Record<string, (argument: string) => unknown> = {
  listen: async (url) => {
    listener = await fifoTransport.listen(parseAddress(url), {}, (link) => links.push(link), say);
  },
  connect: async (url) => {
    links.push(await fifoTransport.connect(parseAddress(url), { mode: 0o666 }, performance.now() + 10_000));
  },
  become(uid) {
    process.setgroups?.([]);
    process.setgid?.(Number(uid));
    process.setuid?.(Number(uid));
  },
  /** Opens files until no descriptor is left. */
  exhaust() {
    try {
      for (;;) held.push(openSync('/dev/null', 'r'));
    } catch {
      // That was the last one.
    }
  },
  relieve() {
    for (const fd of held.splice(0)) closeSync(fd);
  },
  async stop() {
    await listener?.close();
    process.exit();
  },
};

createInterface(process.stdin)
  .on('line', async (line) => {
    const [name = '', argument = ''] = line.split(' ');
    try {
      await commands[name]?.(argument);
      console.log('done');
    } catch (error) {
      say(error);
    }
  })
  .on('close', () => process.exit());
console.log('ready');
