import { readFileSync } from 'node:fs';
import { parseAddress } from '@callgate/core/transport';
import { loadAddon } from '@callgate/native';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAlive, startTime, watchedProcess } from './process.js';
import {
  connect,
  echo,
  leftovers,
  newUrl,
  noneLeft,
  program,
  type Scheme,
  serveEcho,
  small,
  start,
  transports,
} from './testing/stage.js';

let before: string[];

beforeEach(() => {
  before = leftovers();
});

const names = (): string[] => leftovers().filter((name) => name.startsWith('callgate-'));
const left = (): string[] => leftovers().filter((name) => !before.includes(name));

afterEach(() => noneLeft(before));

describe.each(Object.entries(transports))('%s:', (name, transport) => {
  const scheme = name as Scheme;

  test('what a server and its clients leave that are killed at once is cleared away by the next server', async () => {
    const url = newUrl(scheme);
    const server = start(process.execPath, program, 'serve', url);
    await server.line();
    const clients = [1, 2].map(() => start(process.execPath, program, 'connect', url));
    for (const client of clients) await client.line();
    for (const one of [server, ...clients]) one.child.kill('SIGSTOP');
    await Promise.all([server, ...clients].map((one) => one.kill()));
    expect(left().length).toBeGreaterThan(0);
    await expect(connect(transport, url)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'UNREACHABLE',
      message: expect.stringContaining('its server has died, and the next one will clear it away'),
    });
    const next = await transport.listen(parseAddress(url), small, (link) => void serveEcho(link));
    const link = await connect(transport, url);
    expect(await echo(link, 'as if nothing had been')).toBe('as if nothing had been');
    await link.close();
    await next.close();
  });

  test('nothing of a link has a name once both ends have it, and nothing is left when both have closed', async () => {
    const url = newUrl(scheme);
    const listener = await transport.listen(parseAddress(url), small, (link) => void serveEcho(link));
    const place = names();
    const link = await connect(transport, url);
    expect(await echo(link, 'x')).toBe('x');
    // Of System V, a segment that was marked stays in the list while it is in use, and the set as long as the link.
    if (scheme === 'shm+posix') expect(names()).toEqual(place);
    await listener.close();
    expect(await echo(link, 'links live on')).toBe('links live on');
    await link.close();
    await noneLeft(before);
  });

  test('the survivor of a killed peer removes what is left of the link, whichever end it is', async () => {
    const url = newUrl(scheme);
    const listener = await transport.listen(parseAddress(url), small, (link) => void serveEcho(link));
    const client = start(process.execPath, program, 'connect', url);
    await client.line();
    await client.kill();
    await listener.close();
    await noneLeft(before);
    const there = newUrl(scheme);
    const server = start(process.execPath, program, 'serve', there);
    await server.line();
    const link = await connect(transport, there);
    await server.kill();
    expect((await link.closed).error).toMatchObject({ code: 'UNAVAILABLE', reason: 'PEER_DIED' });
    await link.close();
    await (await transport.listen(parseAddress(there), small, () => undefined)).close();
  });

  test('an idle link costs no processor time', async () => {
    const url = newUrl(scheme);
    const server = start(process.execPath, program, 'serve', url);
    await server.line();
    const client = start(process.execPath, program, 'connect', url);
    await client.line();
    const pids = [server.child.pid!, client.child.pid!];
    const spent = () => pids.map((pid) => ticksOf(pid)).reduce((sum, ticks) => sum + ticks, 0);
    // Whatever their start still has to do is done when nothing is spent for a while.
    await expect
      .poll(
        async () => {
          const begun = spent();
          await new Promise((resolve) => setTimeout(resolve, 500));
          return spent() - begun;
        },
        { timeout: 15_000 },
      )
      .toBe(0);
    await client.kill();
    await server.kill();
    await (await transport.listen(parseAddress(url), small, () => undefined)).close();
  });
});

/** User and system time of a process, in ticks of 10 ms. Source: proc(5), fields 14 and 15. */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

test('a process whose number another one has now is not taken for it', async () => {
  const child = start(process.execPath, '--eval', 'setInterval(() => {}, 1000)');
  const pid = child.child.pid!;
  const began = startTime(pid)!;
  const addon = loadAddon();
  expect(isAlive(pid, began)).toBe(true);
  expect(() => watchedProcess(addon, pid, began - 1)).toThrow(
    "ESRCH (that process has ended; its number may be another's now)",
  );
  const watched = watchedProcess(addon, pid, began)!;
  await child.kill();
  expect(addon.poll([watched], [1], 1000) & 1).toBe(1);
  watched.close();
  expect(() => watchedProcess(addon, pid, began)).toThrow('ESRCH');
});
