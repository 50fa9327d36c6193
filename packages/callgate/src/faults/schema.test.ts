/** Two sides that know a service differently. */
import { describe, expect, it } from 'vitest';
import { useStage, ways } from './testing/stage.js';

const stage = useStage();

describe.each(ways)('Over $scheme:, $mode,', ({ scheme, mode }) => {
  it('a method that the server does not have is told by name, with those that it has; the others work.', async () => {
    const { url, desk } = await stage.pair({ scheme, mode }, { version: 'Changed' });
    await expect(desk.call('stamp')).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      reason: 'UNKNOWN_METHOD',
      failed: 'call',
      message: `the server at ${url} offers faults.Desk, but no method Stamp; it has Echo, Whoami, Fail, Hang, Busy, Fill, Wait, Held, Drop`,
    });
    expect((await desk.channel()).stats.inFlight).toBe(0);
  });

  it('a service that the server does not have is told by name, with those that it has.', async () => {
    const { url, desk } = await stage.pair({ scheme, mode }, { version: 'Attic' });
    await expect(desk.call('echo')).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      reason: 'UNKNOWN_SERVICE',
      failed: 'call',
      message: `the server at ${url} does not offer faults.Attic; it offers faults.Desk`,
    });
  });

  it('a field that has become another is told by message, number, name and both types; nothing is run.', async () => {
    const { url, server, desk } = await stage.pair({ scheme, mode }, { version: 'Changed' });
    await expect(desk.call('echo', { text: 'never' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SCHEMA_MISMATCH',
      failed: 'call',
      message: `faults.Desk/Echo: this side and the server at ${url} disagree: faults.Slip field 3: "number" is string here and int32 there`,
    });
    expect(server.count('never echoed')).toBe(0);
  });

  it('a field of the reply that has become another is told just so.', async () => {
    const { url, desk } = await stage.pair({ scheme, mode }, { version: 'Changed' });
    await expect(desk.call('whoami')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SCHEMA_MISMATCH',
      message: `faults.Desk/Whoami: this side and the server at ${url} disagree: faults.Caller field 2: "uid" is repeated int32 here and int32 there`,
    });
  });

  it('a service that grew by the rules is understood: another name, a wider type, a new field.', async () => {
    const { desk } = await stage.pair({ scheme, mode }, { version: 'Grown' });
    expect(await desk.call('echo', { words: 'old text', number: 2n ** 31n - 1n, note: 'new' })).toEqual({
      words: 'old text',
      data: new Uint8Array(),
      number: 2n ** 31n - 1n,
      note: '',
    });
  });
});
