/** Servers over shm: that are none, or evil: calls fail with the reason, never hang, and leave nothing behind. */
import { describe, expect, it } from 'vitest';
import { fileOf, type Mode, poll, useStage } from './testing/stage.js';

const stage = useStage();

/** What they do, and what their callers are told. */
const meetings: readonly (readonly [act: string, code: string, reason: string, words: RegExp])[] = [
  ['silent', 'DEADLINE_EXCEEDED', 'DEADLINE', /the deadline passed before the server answered$/],
  ['half', 'DEADLINE_EXCEEDED', 'DEADLINE', /the deadline passed before the server answered$/],
  ['hang_up', 'UNAVAILABLE', 'PEER_CLOSED', /the server hung up before it said anything$/],
  ['http', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /what answers there is no shm: server \(its magic number is wrong\)$/],
  [
    'version',
    'FAILED_PRECONDITION',
    'VERSION_MISMATCH',
    /speaks version 9 of the shm: rendezvous, this side version 1$/,
  ],
  ['refusal', 'PERMISSION_DENIED', 'NOT_ALLOWED', /für dich nicht$/],
  ['long_refusal', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /sent a refusal that is too long$/],
  ['no_memory', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /welcome is broken: it came with 0 descriptors instead of 1$/],
  ['two_memories', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /welcome is broken: it came with 2 descriptors instead of 1$/],
  ['unsealed', 'PERMISSION_DENIED', 'NOT_ALLOWED', /the server's memory can't be used/],
  ['small', 'INVALID_ARGUMENT', 'BAD_OPTION', /the server's memory can't be used/],
  ['no_memfd', 'INVALID_ARGUMENT', 'BAD_OPTION', /the server's memory can't be used/],
  ['odd_ring', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /welcome is broken: rings of 12345 bytes are impossible$/],
  ['no_segment', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /does not start with the magic number of a Callgate segment$/],
];
const links: typeof meetings = [
  ['no_greeting', 'DEADLINE_EXCEEDED', 'DEADLINE', /connecting to shm:\S+: the deadline passed$/],
  ['bad_greeting', 'DATA_LOSS', 'PROTOCOL_VIOLATION', /the peer's greeting can't be read: it is not JSON$/],
  [
    'bad_reply',
    'DATA_LOSS',
    'PROTOCOL_VIOLATION',
    /broke the layout of the ring: the record at \d+ has the length -5$/,
  ],
  // What it hits first is chance.
  ['scribble', '', '', /the peer at /],
];

describe.each(['async', 'sync'] as const)('A call over shm:, %s, to a server that is none', (mode: Mode) => {
  const caller = () => (mode === 'async' ? stage.here : stage.process());

  it.each([...meetings, ...links])('(%s) fails with %s, %s, and words.', async (act, code, reason, words) => {
    const url = stage.url('shm');
    await stage.stranger('impostor.py', fileOf(url), act).says('up');
    const at = caller();
    const desk = await stage.client(at, {
      url,
      mode,
      // Each call is to meet the server by itself.
      settings: { reconnect: { initialBackoffMs: 0 }, ...(code === 'DEADLINE_EXCEEDED' && { connectTimeoutMs: 200 }) },
    });
    const told = {
      ...(code !== '' && { code, reason }),
      message: expect.stringMatching(new RegExp(`^faults.Desk/Echo: .*${words.source}`, 's')),
    };
    await expect(desk.call('echo')).rejects.toMatchObject(told);
    const { mappings } = await at.do('holds');
    for (let i = 0; i < 2; i++) await expect(desk.call('echo')).rejects.toMatchObject(told);
    await poll(async () => (await at.do('holds')).mappings).toBe(mappings);
    expect((await desk.channel()).stats.inFlight).toBe(0);
  });
});
