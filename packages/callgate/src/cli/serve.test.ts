/** The processes of `callgate serve`, real ones, under load. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Client, createCallgate } from '../index.js';
import { Shift } from '../resilience/testing/shift.js';
import { emptyLoad, type Load, load } from '../resilience/testing/shift-load.js';
import { cleanEnvironment, runNode } from '../testing/run.js';
import { Backoff } from './serve-backoff.js';

const program = new URL('../../bin/callgate.js', import.meta.url);
const module = fileURLToPath(new URL('./testing/shift-module.js', import.meta.url));
const gate = createCallgate({ config: {}, env: {} });
const WATCHDOG_MS = 50_000;

let folder: string;
let started: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-serve-'));
  started = [];
});
afterEach(async () => {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

interface Told {
  readonly event: string;
  readonly process?: number;
  readonly pid?: number;
  readonly [more: string]: unknown;
}

/** `callgate serve --json`, and what it has told so far. */
function serving(...args: string[]) {
  const child = spawn(process.execPath, [fileURLToPath(program), 'serve', module, '--json', ...args], {
    cwd: folder,
    env: { ...cleanEnvironment(), TEST_BOOK: join(folder, 'book') },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: WATCHDOG_MS,
    killSignal: 'SIGKILL',
  });
  started.push(child);
  const told: Told[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => told.push(JSON.parse(line) as Told));
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const all = (event: string): Told[] => told.filter((one) => one.event === event);
  /** Resolves when that has been told so many times. */
  const says = (event: string, times: number): Promise<void> =>
    vi.waitFor(() => expect(all(event).length).toBeGreaterThanOrEqual(times), { timeout: 30_000, interval: 10 });
  return { child, closed, told, all, says };
}

function loading(client: Client<typeof Shift>, callers = 6) {
  const into: Load = emptyLoad();
  let on = true;
  const all = Array.from({ length: callers }, (_, i) => load(client, `c${i}`, into, () => on));
  return {
    into,
    stop: async () => {
      on = false;
      await Promise.all(all);
    },
  };
}

const book = (): string[] => readFileSync(join(folder, 'book'), 'utf8').split('\n').slice(0, -1);
const urlFor = (scheme: string): string => (scheme === 'tcp' ? 'tcp:127.0.0.1:0' : `${scheme}:${join(folder, 'at')}`);

describe('callgate serve --processes', { timeout: 60_000 }, () => {
  it.each(['unix', 'tcp', 'shm', 'fifo'])(
    'over %s: shares one address between processes, and restarts them one after the other at SIGHUP, under load, without a failed call.',
    async (scheme) => {
      const { child, closed, all, says } = serving('--processes', '2', '--url', urlFor(scheme));
      await says('listening', 2);
      const urls = all('listening').flatMap((one) => one.urls as string[]);
      expect(new Set(urls).size).toBe(1);
      const client = gate.createClient(Shift, urls[0] ?? '');
      const { into, stop } = loading(client);
      await vi.waitFor(() => expect(into.entries.length).toBeGreaterThan(20), 20_000);
      child.kill('SIGHUP');
      await says('rolled', 1);
      await says('left', 2);
      const successors = all('listening').slice(2);
      await vi.waitFor(() => expect(successors.some(({ pid }) => into.servers.has(String(pid)))).toBe(true), 20_000);
      await stop();
      await client.$close();
      child.kill('SIGTERM');
      expect(await closed).toEqual([0, null]);
      expect(into.failures).toEqual([]);
      expect(book().toSorted()).toEqual(into.entries.toSorted());
      expect(existsSync(join(folder, 'at'))).toBe(false);
      expect(all('left').every(({ how }) => how === 'with exit code 0')).toBe(true);
    },
  );

  it('starts another one for a process that is killed; only its calls in flight fail.', async () => {
    const { child, closed, all, says } = serving('--processes', '2', '--url', urlFor('unix'));
    await says('listening', 2);
    const client = gate.createClient(Shift, urlFor('unix'), { retry: false });
    const { into, stop } = loading(client);
    await vi.waitFor(() => expect(into.servers.size).toBe(1), 20_000);
    process.kill(Number([...into.servers][0]), 'SIGKILL');
    await says('died', 1);
    await says('listening', 3);
    await vi.waitFor(() => expect(into.servers.size).toBeGreaterThan(1), 20_000);
    await stop();
    await client.$close();
    // One of each caller at most was in flight, and whoever called next met the other process.
    expect(into.failures.length).toBeLessThanOrEqual(6);
    for (const failure of into.failures) expect(failure).toContain('UNAVAILABLE PEER_DIED');
    expect(all('died')[0]).toMatchObject({ how: 'by SIGKILL', restartInMs: 100 });
    child.kill('SIGTERM');
    expect((await closed)[0]).toBe(0);
  });

  it('leaves no process behind when it is killed itself.', async () => {
    const { child, all, says } = serving('--processes', '2', '--url', urlFor('shm'));
    await says('listening', 2);
    child.kill('SIGKILL');
    for (const { pid } of all('listening')) {
      await vi.waitFor(() => expect(() => process.kill(pid as number, 0)).toThrow('ESRCH'), 20_000);
    }
  });
});

describe('callgate serve', { timeout: 60_000 }, () => {
  it('serves a module from one process, and ends when it has drained.', async () => {
    const { child, closed, told, says } = serving('--url', urlFor('unix'));
    await says('listening', 1);
    const client = gate.createClient(Shift, urlFor('unix'));
    const entry = client.write({ text: 'entry' });
    expect((await entry).text).toBe(String(child.pid));
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    expect(told.map(({ event }) => event)).toEqual(['listening', 'draining', 'stopped']);
    await client.$close();
  });

  it('ends at once at a second signal, and says so to who waits.', async () => {
    const { child, closed, says } = serving('--url', urlFor('unix'));
    await says('listening', 1);
    const client = gate.createClient(Shift, urlFor('unix'));
    let more!: () => void;
    const never = new Promise<void>((resolve) => {
      more = resolve;
    });
    const requests = async function* () {
      yield { text: 'first' };
      await never;
    };
    const call = client.join(requests()).catch((error: unknown) => error);
    await client.write({ text: 'behind it' });
    child.kill('SIGTERM');
    await says('draining', 1);
    child.kill('SIGTERM');
    expect(await closed).toEqual([null, 'SIGTERM']);
    more();
    expect(await call).toMatchObject({ code: 'UNAVAILABLE' });
    await client.$close();
  });

  it.each<[string, string[], number, string]>([
    ['', ['nope.mjs'], 1, 'callgate: nope.mjs: there is no such file\n'],
    [
      'export const geo = 1;',
      ['it.mjs'],
      1,
      'callgate: it.mjs: it has no default export; expected a function that adds ',
    ],
    ['export default 7;', ['it.mjs'], 1, 'callgate: it.mjs: its default export is a number; expected a function'],
    ['export default () => {};', ['it.mjs'], 1, 'callgate: it.mjs: its function has added no service to the server\n'],
    [
      'export default () => {};',
      ['it.mjs', '--processes', '2'],
      1,
      'callgate: it.mjs: its function has added no service',
    ],
    ['import "./gone.mjs";', ['it.mjs'], 1, 'callgate: it.mjs could not be loaded: Cannot find module'],
    ['process.exit(3);', ['it.mjs', '--processes', '2'], 1, 'callgate: it.mjs ended its process with exit code 3\n'],
    [
      '',
      ['it.mjs', '--processes', '0'],
      2,
      "callgate: option '--processes <n>' argument '0' is invalid. Expected a whole",
    ],
    ['', ['it.mjs', '--processes', '1.5'], 2, "callgate: option '--processes <n>' argument '1.5' is invalid."],
    [
      '',
      ['it.mjs', '--drain-timeout', 'soon'],
      2,
      "callgate: option '--drain-timeout <ms>' argument 'soon' is invalid.",
    ],
  ])('of %j as %j ends with exit code %i, and says why.', async (text, args, code, words) => {
    writeFileSync(join(folder, 'it.mjs'), text);
    const run = await runNode(program, ['serve', ...args, '--url', 'unix:./at'], { cwd: folder });
    expect([run.code, run.stdout]).toEqual([code, '']);
    expect(run.stderr.slice(0, words.length)).toBe(words);
  });

  it.each([
    ['shm+posix:at', "shm+posix:at: a shm+posix: address can't be shared by several processes; unix:, tcp:, shm:,"],
    ['udp:127.0.0.1:0', "a udp: address can't be shared by several processes"],
  ])('from several processes at %s is refused, and says what can be shared.', async (url, words) => {
    const run = await runNode(program, ['serve', module, '--processes', '2', '--url', url], { cwd: folder });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(words);
  });

  it('where somebody listens says that the address is in use.', async () => {
    const { says } = serving('--url', urlFor('unix'));
    await says('listening', 1);
    for (const more of [[], ['--processes', '2']]) {
      const run = await runNode(program, ['serve', module, '--url', urlFor('unix'), ...more], { cwd: folder });
      expect(run.code).toBe(1);
      expect(run.stderr).toContain('is in use by another server');
    }
  });
});

it('A process that dies again and again is waited for longer each time, until one has lasted.', () => {
  const backoff = new Backoff();
  expect([0, 1, 2].map((at) => backoff.next(at))).toEqual([100, 200, 400]);
  for (let i = 0; i < 20; i++) backoff.next(3);
  expect(backoff.next(4)).toBe(10_000);
  backoff.began(1000);
  expect(backoff.next(11_000)).toBe(100);
});
