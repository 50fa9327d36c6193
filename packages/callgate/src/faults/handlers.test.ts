/** Handlers that throw, and handlers that do not answer. */
import { describe, expect, it } from 'vitest';
import { poll, useStage, ways } from './testing/stage.js';
import { failure } from './testing/told.js';

const stage = useStage();

/** What a slip's text makes the handler throw (see desk.ts), and what the caller gets. */
const thrown = [
  ['the cat sat on it', 'UNKNOWN', 'HANDLER_FAILED', 'the cat sat on it'],
  ['text', 'UNKNOWN', 'HANDLER_FAILED', 'just a text'],
  ['nothing', 'UNKNOWN', 'HANDLER_FAILED', 'undefined'],
  ['strange', 'UNKNOWN', 'HANDLER_FAILED', 'something that has no words was thrown'],
  ['chosen', 'NOT_FOUND', 'NO_SUCH_SLIP', 'no slip of that number'],
  ['caused', 'ABORTED', 'ABORTED', 'because'],
  ['secret', 'UNKNOWN', 'HANDLER_FAILED', 'no more than this'],
  ['ok', 'UNKNOWN', 'OK', 'it went so well'],
  ['invented', 'UNKNOWN', 'NO_SUCH_CODE', 'made up'],
] as const;

describe.each(ways)('Over $scheme:, $mode,', ({ scheme, mode }) => {
  it('what a handler throws reaches the caller in words, and its stack does not.', async () => {
    const { server, desk } = await stage.pair({ scheme, mode });
    for (const [text, code, reason, message] of thrown) {
      const error = await failure(desk.call('fail', { text }));
      expect(error).toMatchObject({ code, reason, failed: 'call', message });
      // Of the server's stack there would be its file and its function. A cause is told when it was given to an RpcError.
      expect(error.inspected).not.toMatch(/desk\.[jt]s|throwFromDeepWithin|a secret cause/);
      if (text === 'caused') expect(error.inspected).toMatch(/a told cause/);
    }
    expect(await desk.call('echo', { number: 1 })).toMatchObject({ number: 1 });
    // An RpcError is an answer; the rest is the handler's fault, of which the server's own people see all.
    const faults = thrown.filter(([, , reason]) => reason === 'HANDLER_FAILED');
    const heard = await server.do('heard');
    expect(heard.map(({ message }) => message)).toEqual(faults.map(([, , , message]) => message));
    expect(heard[0]?.inspected).toMatch(/throwFromDeepWithin/);
  });

  it('a handler that never answers is left at the timeout, and told to stop.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode });
    await desk.call('echo');
    await expect(desk.call('hang', { text: 'a' }, { timeout: 250 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'DEADLINE',
      failed: 'call',
      message: expect.stringMatching(
        // Whose clock is first, the caller's or the server's, is open.
        /^faults\.Desk\/Hang: (it was not answered when its deadline passed, \d+ ms after it began|the deadline passed at the server)$/,
      ),
    });
    expect(await server.event('a stopped')).toMatchObject({
      code: expect.stringMatching(/^(DEADLINE_EXCEEDED|CANCELLED)$/),
    });
    expect(await server.do('stats', url)).toMatchObject({ links: 1, running: 0 });
    expect(await desk.call('echo', { number: 2 })).toMatchObject({ number: 2 });
    expect((await desk.channel()).stats.inFlight).toBe(0);
  });

  it('a call that was aborted before it began is not begun.', async () => {
    const { server, desk } = await stage.pair({ scheme, mode });
    await desk.call('echo');
    await desk.abort('mind', 'changed my mind');
    await expect(desk.call('echo', { text: 'never' }, { signal: 'mind' })).rejects.toMatchObject({
      code: 'CANCELLED',
      reason: 'ABORTED_BY_CALLER',
      failed: 'call',
      message: expect.stringMatching(/^faults\.Desk\/Echo: aborted by the caller/),
    });
    await desk.call('echo', { text: 'later' });
    await server.event('later echoed');
    expect(server.count('never echoed')).toBe(0);
  });
});

describe.each(ways.filter(({ mode }) => mode === 'async'))('Over $scheme:', (way) => {
  it('a handler that never answers is left when the caller aborts, and told to stop.', async () => {
    const { url, server, desk } = await stage.pair(way);
    const call = desk.call('hang', { text: 'a' }, { signal: 'mind' });
    await server.event('a began');
    await desk.abort('mind', 'changed my mind');
    await expect(call).rejects.toMatchObject({
      code: 'CANCELLED',
      reason: 'ABORTED_BY_CALLER',
      failed: 'call',
      message: 'faults.Desk/Hang: aborted by the caller: changed my mind',
    });
    expect(await server.event('a stopped')).toEqual({ code: 'CANCELLED', reason: 'ABORTED_BY_CALLER' });
    await poll(() => server.do('stats', url)).toMatchObject({ running: 0 });
  });
});
