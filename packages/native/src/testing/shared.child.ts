// The other process of the tests of semaphores and shared memory; also what must be tried where limits are low.
import { createSemaphore, createSharedMemory, loadAddon, type SemaphoreOptions } from '../index.js';

const [what = '', json = '{}'] = process.argv.slice(2);
const options = JSON.parse(json) as never;
const say = (value: unknown): void => console.log(JSON.stringify(value));

function failureOf(action: () => unknown): unknown {
  try {
    action();
    return null;
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    return { code, syscall, message };
  }
}

const roles: Readonly<Record<string, () => unknown>> = {
  /** Takes a unit, says so and keeps it. */
  async hold() {
    say(await createSemaphore(options as SemaphoreOptions).acquire());
    setInterval(() => undefined, 1000);
  },
  /** Blocks until there is a unit. */
  block() {
    const semaphore = createSemaphore(options as SemaphoreOptions);
    say('blocking');
    say(semaphore.acquireSync());
  },
  release() {
    createSemaphore(options as SemaphoreOptions).release();
    say('released');
  },
  /** Writes into the memory and ends. */
  write() {
    const memory = createSharedMemory(options);
    new Int32Array(memory.buffer)[1] = 42;
    say({ created: memory.created, owner: memory.owner, pid: process.pid });
  },
  /** What is said where there is no room or no more of them. */
  memory() {
    say(failureOf(() => createSharedMemory(options)));
  },
  semaphore() {
    say(failureOf(() => createSemaphore(options)));
  },
  /** Waits on the event loop, which goes on meanwhile. */
  async await() {
    const semaphore = createSemaphore(options as SemaphoreOptions);
    const taking = semaphore.acquire();
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    say({ threads: loadAddon().blockedThreads() });
    say(await taking);
    semaphore.close();
  },
};

await roles[what]?.();
