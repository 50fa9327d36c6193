/** Addresses at which nobody, or somebody else, is met. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileOf, processSchemes, processWays, schemes, useStage, ways } from './testing/stage.js';

const stage = useStage();

describe.each(ways)('A call over $scheme:, $mode,', ({ scheme, mode }) => {
  const caller = () => (mode === 'async' ? stage.here : stage.elsewhere(scheme));

  it('to an address where nothing is fails at once, and asks whether the server runs.', async () => {
    const url = stage.url(scheme);
    const desk = await stage.client(caller(), { url, mode });
    const words =
      scheme === 'inproc'
        ? `no thread of this process listens at ${url}`
        : `cannot connect to ${url}: there is no socket file ${fileOf(url)}; is the server running?`;
    await expect(desk.call('echo')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'UNREACHABLE',
      failed: 'channel',
      message: `faults.Desk/Echo: ${words}`,
    });
    expect(await desk.channel()).toMatchObject({ peer: undefined, stats: { inFlight: 0 } });
  });

  it('succeeds once a server is there, with the client that had failed before.', async () => {
    const url = stage.url(scheme);
    const desk = await stage.client(caller(), { url, mode });
    await expect(desk.call('echo')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await stage.serve(stage.elsewhere(scheme), url);
    expect(await desk.call('echo', { number: 7 })).toMatchObject({ number: 7 });
  });
});

describe.each(processWays)('A call over $scheme:, $mode,', ({ scheme, mode }) => {
  it('to the stale file of a killed server says that nobody listens there.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { apart: true });
    await server.kill();
    await expect(desk.call('echo')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'UNREACHABLE',
      failed: 'channel',
      message: `faults.Desk/Echo: cannot connect to ${url}: nobody listens at ${fileOf(url)}: the server that made this socket file has ended, or is just starting`,
    });
  });

  it('to a file that is no socket says what it is.', async () => {
    const url = stage.url(scheme);
    writeFileSync(fileOf(url), '');
    const desk = await stage.client(mode === 'async' ? stage.here : stage.process(), { url, mode });
    await expect(desk.call('echo')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'BAD_ADDRESS',
      message: `faults.Desk/Echo: cannot connect to ${url}: ${fileOf(url)} is a regular file, not a socket`,
    });
  });
});

describe.each(processSchemes)('A server over %s:', (scheme) => {
  it('refuses an address that another process serves, which goes on undisturbed.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode: 'async' });
    await desk.call('echo');
    await expect(stage.serve(stage.here, url)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'ADDRESS_IN_USE',
      message: `cannot listen at ${url}: ${fileOf(url)} is in use by another server`,
    });
    expect(await desk.call('echo', { number: 1 })).toMatchObject({ number: 1 });
    const other = await stage.client(stage.here, { url, mode: 'async' });
    expect(await other.call('whoami')).toMatchObject({ pid: process.pid });
    expect(await server.do('heard')).toEqual([]);
  });

  it('leaves a file alone that is no socket.', async () => {
    const url = stage.url(scheme);
    writeFileSync(fileOf(url), '');
    await expect(stage.serve(stage.here, url)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'ADDRESS_IN_USE',
      message: `cannot listen at ${url}: ${fileOf(url)} is a regular file, not a socket; it was left as it is`,
    });
  });
});

describe.each(schemes)('A server over %s:', (scheme) => {
  it('refuses an address that this thread serves already.', async () => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url);
    const inUse = {
      code: 'ALREADY_EXISTS',
      reason: 'ADDRESS_IN_USE',
      message: expect.stringContaining('is in use by'),
    };
    await expect(stage.serve(stage.here, url)).rejects.toMatchObject(inUse);
    if (scheme === 'inproc') await expect(stage.serve(stage.worker(), url)).rejects.toMatchObject(inUse);
  });
});
