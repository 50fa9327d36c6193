import { describe, expect, it } from 'vitest';
import { freshTarget, rawClient, rawServer } from '../../testing/pair.js';
import type { Link } from '../contract.js';
import { turn } from '../turn.js';
import type { Doorbell } from './doorbell.js';
import { initialiseSegment, largestMessage, ringPlace, segmentBytes, segmentOver } from './layout.js';
import { RingReader } from './ring-reader.js';
import { READABLE, RingWaits } from './ring-waits.js';
import { RingWriter } from './ring-writer.js';
import { Spinner } from './spinner.js';

const RING = 4096;

/** Two links with an end each; the first one's outgoing ring is full. */
async function fullLink(strategy: string): Promise<{ link: Link; peer: Link; drop: () => Promise<void> }> {
  const target = freshTarget({ ringBytes: RING, strategy });
  const { listener, link: accepted } = await rawServer(target);
  const link = await rawClient(target);
  const peer = await accepted;
  while (link.claim(1000) !== null) link.commit(1000);
  const drop = async (): Promise<void> => {
    link.abort();
    peer.abort();
    await listener.close();
  };
  return { link, peer, drop };
}

describe('a wait for room', () => {
  it.each(['park', 'adaptive'])(
    'ends when the link begins to close, which then waits itself (%s)',
    async (strategy) => {
      const { link, peer, drop } = await fullLink(strategy);
      const waiting = link.whenWritable(1000, Number.POSITIVE_INFINITY);
      const closed = link.close(Number.POSITIVE_INFINITY);
      expect(await waiting).toBe(true);
      expect(link.end).toBeUndefined();
      for (let span = peer.receive(); span !== null; span = peer.receive()) peer.release();
      await closed;
      expect(link.end).toMatchObject({ by: 'local', orderly: true });
      await drop();
    },
  );

  it('on the event loop ends although a blocking wait heard the bell that was rung for it', async () => {
    const segment = segmentOver(new ArrayBuffer(segmentBytes(RING)), RING);
    initialiseSegment(segment);
    const writer = new RingWriter(ringPlace(segment, 0));
    const peer = new RingReader(ringPlace(segment, 0), largestMessage(RING));
    const bell: Doorbell = {
      ring: () => undefined,
      inTheWay: () => false,
      leave: () => false,
      // The peer makes room for the other wait, while this thread sleeps in this one.
      wait: () => {
        for (let span = peer.receive(); span !== null; span = peer.receive()) peer.release();
      },
      listen: () => undefined,
      hungUp: () => false,
      ref: () => undefined,
      unref: () => undefined,
      close: () => undefined,
    };
    const reader = new RingReader(ringPlace(segment, 1), largestMessage(RING));
    const waits = new RingWaits(reader, writer, bell, new Spinner('park', 2), () => undefined);
    while (writer.claim(1000) !== null) writer.commit(1000);
    const room = waits.when(1000, Number.POSITIVE_INFINITY);
    await turn();
    expect(waits.wait(READABLE, performance.now() + 5)).toBe(false);
    expect(await room).toBe(true);
  });
});

describe('an event loop that cannot poll', () => {
  /** A link's waits over one segment; `onNap` is what happens while the loop naps. */
  function napping(onNap: (writer: RingWriter) => void) {
    const segment = segmentOver(new ArrayBuffer(segmentBytes(RING)), RING);
    initialiseSegment(segment);
    const peer = new RingWriter(ringPlace(segment, 1));
    let naps = 0;
    const bell: Doorbell = {
      ring: () => undefined,
      inTheWay: () => false,
      leave: () => false,
      wait: () => undefined,
      nap: () => {
        naps++;
        onNap(peer);
      },
      listen: () => undefined,
      hungUp: () => false,
      ref: () => undefined,
      unref: () => undefined,
      close: () => undefined,
    };
    const reader = new RingReader(ringPlace(segment, 1), largestMessage(RING));
    const waits = new RingWaits(
      reader,
      new RingWriter(ringPlace(segment, 0)),
      bell,
      new Spinner('park', 1),
      () => undefined,
    );
    return { waits, naps: () => naps, take: () => reader.receive() !== null && reader.release() };
  }

  const send = (writer: RingWriter): void => {
    writer.claim(8);
    writer.commit(8);
  };

  it('naps at the doorbell, and has the message that came meanwhile', () => {
    const { waits, naps, take } = napping(send);
    // The first time it may be one of several links that are busy.
    expect(waits.nap()).toBe(false);
    for (let i = 1; i <= 10; i++) {
      expect(waits.nap()).toBe(true);
      take();
      expect(naps()).toBe(i);
    }
  });

  it('stops when it napped three times in vain', () => {
    const { waits, naps } = napping(() => undefined);
    for (let i = 0; i < 10; i++) expect(waits.nap()).toBe(false);
    expect(naps()).toBe(3);
  });

  it('does not nap while another link of its thread is busy too', () => {
    const [one, other] = [napping(send), napping(send)];
    for (let i = 0; i < 10; i++) {
      expect(one.waits.nap()).toBe(false);
      expect(other.waits.nap()).toBe(false);
    }
    expect(one.naps() + other.naps()).toBe(0);
  });
});

it('a wait rejects when its signal fires while it polls', async () => {
  const { link, drop } = await fullLink('adaptive');
  for (let i = 0; i < 20; i++) {
    // Right after a turn, polling gives the event loop none for a while.
    await turn();
    const stop = new AbortController();
    const waiting = link.whenReadable(performance.now() + 50, stop.signal);
    await undefined;
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  }
  await drop();
});
