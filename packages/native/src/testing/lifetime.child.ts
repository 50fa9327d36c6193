// Programs whose leftovers are looked at from inside: each in its own process, where nothing else opens anything.
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Fd, Mapping, Watcher } from '../addon.js';
import { loadAddon } from '../load.js';
import { createBell } from './bells.js';
import { playScenario } from './child.js';
import { mappingsOf, openDescriptors } from './proc.js';
import { scratchFolder } from './sockets.js';

const addon = loadAddon();
const workerFile = new URL('./lifetime.worker.js', import.meta.url);

/** Collects garbage until a condition holds; finalizers run in later turns of the event loop. */
async function collectUntil(done: () => boolean): Promise<void> {
  while (!done()) {
    // In another turn than `done`: looking through a WeakRef keeps its target until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
}

function kinds(): string[] {
  return [...openDescriptors().values()].map((target) => target.replace(/:\[\d+\]/, '')).sort();
}

/** A worker that has said exit still takes its event loop apart: waits until nothing has changed for ten looks. */
async function settledKinds(): Promise<string[]> {
  let last = kinds();
  for (let same = 0; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = kinds();
    same = now.join() === last.join() ? same + 1 : 0;
    last = now;
  }
  return last;
}

function makeAll(): { readonly fds: Fd[]; readonly mapping: Mapping; readonly watcher: Watcher } {
  const memory = addon.createMemfd('held', 4096);
  const bell = createBell();
  return { fds: [memory, bell], mapping: addon.mapMemfd(memory, 4096), watcher: addon.createWatcher(bell, () => {}) };
}

/** A descriptor that is watched, and referred to by nothing but its number. */
function watchedBell(): { readonly number: number; readonly heard: Promise<number> } {
  const bell = createBell();
  const heard = new Promise<number>((resolve) => {
    const watcher = addon.createWatcher(bell, (events) => {
      watcher.close();
      resolve(events);
    });
    watcher.watch(1);
  });
  return { number: bell.value, heard };
}

/** In a function of its own, so that no frame goes on referring to the mapping. */
function viewOnly(): { readonly view: Uint8Array; readonly reference: WeakRef<Mapping> } {
  const { mapping } = makeAll();
  return { view: new Uint8Array(mapping.buffer), reference: new WeakRef(mapping) };
}

/** Starts a worker in the given role, waits until it reports, terminates it, and counts what is left. */
async function terminated(role: string, ...args: string[]): Promise<unknown> {
  // The first worker makes Node open descriptors of its own that stay; so the comparison starts after one.
  await runWorker('nothing');
  const before = kinds();
  const during = await runWorker(role, ...args);
  return { during, left: kinds().filter((kind, index) => kind !== before[index]), mappings: mappingsOf('held') };
}

async function runWorker(...argv: string[]): Promise<unknown> {
  const worker = new Worker(workerFile, { argv });
  const report = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  return report;
}

await playScenario({
  async 'collected-handles'() {
    // The libuv handle of a first watcher may leave nothing behind, but module loading may: count after that.
    const before = openDescriptors().size;
    makeAll();
    const during = { descriptors: openDescriptors().size - before, mappings: mappingsOf('held') };
    await collectUntil(() => openDescriptors().size === before && mappingsOf('held') === 0);
    return during;
  },

  async 'collected-mapping-only'() {
    const { view, reference } = viewOnly();
    await collectUntil(() => reference.deref() === undefined);
    view[4095] = 3;
    return { byte: view[4095], mappings: mappingsOf('held') };
  },

  async 'watching-survives-collection'() {
    const { number, heard } = watchedBell();
    // An idle watcher beside it shows when finalizers have had their chance.
    const before = openDescriptors().size;
    addon.createWatcher(createBell(), () => {});
    await collectUntil(() => openDescriptors().size === before);
    writeSync(number, new Uint8Array(new BigUint64Array([1n]).buffer));
    return { events: await heard };
  },

  async moved() {
    const fd = addon.createMemfd('moved', 4096);
    const mapping = addon.mapMemfd(fd, 4096);
    new Uint8Array(mapping.buffer)[0] = 5;
    let away: ArrayBuffer | undefined = (mapping.buffer as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
    mapping.close();
    const afterClose = { byte: new Uint8Array(away)[0], mappings: mappingsOf('moved') };
    away = undefined;
    await collectUntil(() => mappingsOf('moved') === 0);
    return { afterClose, afterCollection: { mappings: mappingsOf('moved') } };
  },

  async 'moved-between-threads'() {
    const worker = new Worker(workerFile, { argv: ['move-away'] });
    const buffer = await new Promise<ArrayBuffer>((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    );
    const bytes = new Uint8Array(buffer);
    const before = bytes[0];
    await worker.terminate();
    return { before, after: bytes[0] };
  },

  'terminated-holding': () => terminated('hold'),
  'terminated-polling': () => terminated('poll'),
  async 'terminated-connecting'() {
    using folder = scratchFolder();
    return await terminated('connect', folder.file('full'));
  },

  'terminated-in-callback': () => terminated('spin-in-callback'),

  async 'ended-holding'() {
    await runWorker('nothing');
    const before = kinds();
    const worker = new Worker(workerFile, { argv: ['end'] });
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    return { left: kinds().filter((kind, index) => kind !== before[index]), mappings: mappingsOf('held') };
  },

  async 'many-workers'() {
    await runWorker('nothing');
    const before = await settledKinds();
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(['hold', 'hold', 'poll', 'nothing'].map((role) => runWorker(role)));
    }
    const after = await settledKinds();
    return { left: after.filter((kind, index) => kind !== before[index]), mappings: mappingsOf('held') };
  },

  async 'exit-while-worker-polls'() {
    const worker = new Worker(workerFile, { argv: ['poll'] });
    await new Promise((resolve) => worker.once('message', resolve));
    console.log(JSON.stringify('exiting'));
    process.exit(0);
  },
});
