/** Messages that are too large for one side, and limits that are too small for any. */
import { describe, expect, it } from 'vitest';
import { moreWays, poll, useStage, ways } from './testing/stage.js';

const stage = useStage();

/** Bytes of an envelope, and of a slip with 4000 to 16000 bytes of data around them. */
const ENVELOPE = 32;
const AROUND = 3;

describe.each([...ways, ...moreWays])('Over $scheme:, $mode,', ({ scheme, mode }) => {
  describe.each([
    ['client', { client: 8192, server: 16_384 }],
    ['server', { client: 16_384, server: 8192 }],
  ])('the limit of the %s, which is the smaller one,', (_whose, limits) => {
    const pair = () =>
      stage.pair(
        { scheme, mode },
        {
          listen: { maxMessageBytes: limits.server },
          client: { transport: { maxMessageBytes: limits.client } },
        },
      );
    const tooLarge = (bytes: number) =>
      `the message has ${bytes} bytes; this channel carries at most ${8192 - ENVELOPE} (the smaller of both sides' maxMessageBytes, less the envelope)`;
    const most = 8192 - ENVELOPE - AROUND;

    it('holds for requests and for replies, and the channel lives on.', async () => {
      const { server, desk } = await pair();
      const data = new Uint8Array(most).fill(7);
      expect(await desk.call('echo', { data })).toMatchObject({ data });
      await expect(desk.call('echo', { text: '', data: new Uint8Array(most + 1) })).rejects.toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        reason: 'MESSAGE_TOO_LARGE',
        failed: 'call',
        message: tooLarge(8192 - ENVELOPE + 1),
      });
      expect(await desk.call('fill', { number: most })).toMatchObject({ data: new Uint8Array(most) });
      await expect(desk.call('fill', { number: most + 1 })).rejects.toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        reason: 'MESSAGE_TOO_LARGE',
        failed: 'call',
        message: `faults.Desk/Fill: the handler's reply can't be sent: ${tooLarge(8192 - ENVELOPE + 1)}`,
      });
      expect(await desk.call('echo', { number: 5 })).toMatchObject({ number: 5 });
      expect((await desk.channel()).lastEnd).toBeUndefined();
      expect(await server.do('heard')).toEqual([]);
    });
  });

  it('a limit of the server that is too small even for its greeting is told as that to both.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { listen: { maxMessageBytes: 512 } });
    const words =
      /the greeting, which lists methods and their messages, takes \d+ bytes, and this link carries at most 512: raise maxMessageBytes$/;
    const told = {
      code: 'RESOURCE_EXHAUSTED',
      reason: 'MESSAGE_TOO_LARGE',
      failed: 'channel',
      message: expect.stringMatching(words),
    };
    await expect(desk.call('echo')).rejects.toMatchObject(told);
    await poll(() => server.do('heard')).toMatchObject([told]);
    await poll(() => server.do('stats', url)).toMatchObject({ links: 0 });
  });

  it('a limit of the client that is too small even for its greeting is told as that.', async () => {
    const { desk } = await stage.pair({ scheme, mode }, { client: { transport: { maxMessageBytes: 64 } } });
    await expect(desk.call('echo')).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'MESSAGE_TOO_LARGE',
      failed: 'channel',
      message: expect.stringMatching(/takes \d+ bytes, and this link carries at most 64: raise maxMessageBytes$/),
    });
  });
});
