// Programs that block, change their identity, or are the other process at a socket.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Fd } from '../addon.js';
import { loadAddon } from '../load.js';
import { playScenario } from './child.js';
import { scratchFolder, thrownBy } from './sockets.js';

const addon = loadAddon();
const path = process.env.PATH_TO ?? '';

/** Connects until the backlog has no room. */
function fill(full: string): Fd[] {
  const clients: Fd[] = [];
  try {
    for (;;) clients.push(addon.connectUnix(full, 0));
  } catch {
    return clients;
  }
}

await playScenario({
  'connect-as-nobody'() {
    process.setgid!(65534);
    process.setuid!(65534);
    return thrownBy(() => addon.connectUnix(path, 0)).message;
  },

  async credentials() {
    const client = addon.connectUnix(path, 1000);
    console.log(JSON.stringify(addon.peerCredentials(client)));
    await once(process.stdin, 'data');
    process.exit(0);
  },

  backlog() {
    using folder = scratchFolder();
    addon.listenUnix(folder.file('full'), 0o600, 1);
    const clients = fill(folder.file('full'));
    const began = performance.now();
    const immediate = thrownBy(() => addon.connectUnix(folder.file('full'), 0));
    const middle = performance.now();
    const finite = thrownBy(() => addon.connectUnix(folder.file('full'), 250));
    const ended = performance.now();
    for (const client of clients) client.close();
    return {
      immediate: immediate.code,
      immediateWaited: middle - began >= 250,
      finite: finite.code,
      finiteWaited: ended - middle >= 250,
      text: finite.message.split(': ').at(-1),
    };
  },

  async 'backlog-drains'() {
    using folder = scratchFolder();
    const full = folder.file('full');
    const listener = addon.listenUnix(full, 0o600, 1);
    const clients = fill(full);
    const worker = new Worker(new URL('./socket.worker.js', import.meta.url), { argv: [full] });
    await once(worker, 'message');
    while (addon.acceptUnix(listener) !== null);
    await once(worker, 'message');
    await worker.terminate();
    return { connected: clients.length > 0 };
  },
});
