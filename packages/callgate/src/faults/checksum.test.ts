/** Checksums where the mechanism needs none, since they can be switched on everywhere. */
import { describe, expect, it } from 'vitest';
import { useStage, ways } from './testing/stage.js';

const stage = useStage();

describe.each(ways)('Over $scheme:, $mode,', (way) => {
  it.each([
    [true, true],
    [true, false],
    [false, true],
  ])('calls work with the checksums of the client %s and those of the server %s.', async (client, server) => {
    const { desk, server: served } = await stage.pair(way, {
      client: { checksum: client },
      server: { checksum: server },
    });
    for (const length of [0, 1, 1000, 1_000_000]) {
      const data = new Uint8Array(length).map((_, i) => i);
      const reply = (await desk.call('echo', { data })) as { data: Uint8Array };
      expect(Buffer.compare(reply.data, data)).toBe(0);
    }
    await expect(desk.call('fail', { text: 'chosen' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await desk.call('echo', { number: 1 }, { timeout: { send: 5000 } })).toMatchObject({ number: 1 });
    expect(await served.do('heard')).toEqual([]);
  });
});
