/** A process of its own for tests: does what it is told by messages, and ends with its parent. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { RpcError } from '@callgate/core/errors';
import { type Link, type Listener, parseAddress, type TransportOptions } from '@callgate/core/transport';
import { unixTransport } from '../../index.js';

/** An error as far as it travels between processes. */
export interface Told {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
}

const links: Link[] = [];
const errors: Told[] = [];
const held: number[] = [];
let listener: Listener | undefined;

const commands = {
  async listen(url: string, options: TransportOptions = {}): Promise<string> {
    listener = await unixTransport.listen(
      parseAddress(url),
      options,
      (link) => links.push(link),
      (error) => errors.push(tell(error)),
    );
    return listener.url;
  },
  connect: async (url: string): Promise<void> =>
    void links.push(await unixTransport.connect(parseAddress(url), {}, performance.now() + 5000)),
  connectSync: async (url: string): Promise<void> =>
    void links.push(unixTransport.connectSync(parseAddress(url), {}, performance.now() + 5000)),
  errors: async (): Promise<Told[]> => errors,
  links: async (): Promise<number> => links.filter((link) => link.end === undefined).length,
  become: async (uid: number): Promise<void> => {
    process.setgroups?.([]);
    process.setgid?.(uid);
    process.setuid?.(uid);
  },
  /** Sends one message over the last link. */
  async send(text: string): Promise<void> {
    const link = links.at(-1)!;
    const span = link.claim(text.length)!;
    span.bytes.write(text, span.start);
    link.commit(text.length);
    link.flush();
  },
  /** Opens files until no descriptor is left but `spare`. */
  async exhaust(spare: number): Promise<void> {
    try {
      for (;;) held.push(openSync('/dev/null', 'r'));
    } catch {
      for (let i = 0; i < spare; i++) closeSync(held.pop()!);
    }
  },
  relieve: async (): Promise<void> => {
    for (const fd of held.splice(0)) closeSync(fd);
  },
  fds: async (): Promise<number> => readdirSync('/proc/self/fd').length,
  /** Milliseconds of CPU time, user and system, that the process takes while it has nothing to do for `ms`. */
  async cpuMs(ms: number): Promise<number> {
    const before = process.cpuUsage();
    await setTimeout(ms);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  },
  /** How the last link ends, whose messages are dropped. */
  async end(): Promise<Told> {
    const link = links.at(-1)!;
    while (!link.ended) {
      await link.whenReadable(performance.now() + 5000);
      if (link.receive() !== null) link.release();
    }
    return tell(link.end?.error);
  },
  /** Waits for a message, briefly, and then leaves the next ones unread. */
  async lookOnce(): Promise<boolean> {
    return links.at(-1)!.whenReadable(performance.now() + 5);
  },
};

export type Commands = typeof commands;

function tell(error: unknown): Told {
  const { code, reason, message } = RpcError.from(error);
  return { code, reason, message };
}

process.on('message', ([id, name, args]: [number, keyof Commands, never[]]) => {
  const command = commands[name] as (...all: never[]) => Promise<unknown>;
  // `.then`, so that what is thrown at once is told as well.
  Promise.resolve()
    .then(() => command(...args))
    .then(
      (value) => process.send?.([id, { value }]),
      (error) => process.send?.([id, { error: tell(error) }]),
    );
});
process.on('disconnect', () => process.exit());
