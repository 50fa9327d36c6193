/** Sending and receiving numbered messages over a link on an event loop. */
import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Handle, Link, LinkEnd, Span } from '../transport/contract.js';
import { firstWrong, write } from './pattern.js';

/** Bytes after which a link that still is not full is held to be without any bound: 64 MiB. */
const BOUNDLESS = 1 << 26;
/** Between two looks, in ms, whether a full link has found room. */
const SETTLING_LOOK_MS = 10;
/** Even an empty message takes some room. */
const MESSAGE_COST_BYTES = 16;

/** For a promise that is awaited later: when something else fails first, its own failure is of no interest. */
export function meanwhile<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

export const inMs = (ms: number): number => performance.now() + ms;

/** Checks that a received span is message `index` of `size` bytes, and lies within its memory. */
export function check(span: Span, index: number, size: number): void {
  const { bytes, view, start, end } = span;
  assert.ok(0 <= start && start <= end && end <= bytes.length, `span [${start}, ${end}) of ${bytes.length} bytes`);
  assert.equal(view.buffer, bytes.buffer, 'view and bytes of a span are the same memory');
  assert.equal(view.byteOffset, bytes.byteOffset, 'view and bytes of a span begin at the same place');
  assert.equal(end - start, size, `message ${index} should have ${size} bytes`);
  const wrong = firstWrong(index, bytes, start, end);
  assert.equal(wrong, -1, `message ${index} of ${size} bytes is damaged or another one, from byte ${wrong} on`);
}

/** Claims without waiting, checking what is given; null when full. */
export function tryClaim(link: Link, bytes: number): Span | null {
  const span = link.claim(bytes);
  if (span === null) return null;
  const { start, end } = span;
  assert.equal(end - start, bytes, `a claim of ${bytes} bytes should give as many`);
  assert.ok(0 <= start && end <= span.bytes.length, `span [${start}, ${end}) of ${span.bytes.length} bytes`);
  assert.equal(span.view.buffer, span.bytes.buffer, 'view and bytes of a span are the same memory');
  assert.equal(span.view.byteOffset, span.bytes.byteOffset, 'view and bytes of a span begin at the same place');
  return span;
}

/** Claims, waiting while the link is full. */
export async function claim(link: Link, bytes: number, patienceMs: number): Promise<Span> {
  const first = tryClaim(link, bytes);
  if (first !== null) return first;
  assert.ok(
    await link.whenWritable(bytes, inMs(patienceMs)),
    `still no room for ${bytes} bytes after ${patienceMs} ms`,
  );
  const span = tryClaim(link, bytes);
  assert.ok(span !== null, `whenWritable(${bytes}) said yes, but claim(${bytes}) gave null`);
  return span;
}

export function commit(link: Link, span: Span, index: number, size: number, handles?: readonly Handle[]): void {
  write(index, span.bytes, span.start, span.start + size);
  link.commit(size, handles);
}

/** Sends messages `from`, `from + 1` … of the given sizes, and flushes. */
export async function send(link: Link, from: number, sizes: readonly number[], patienceMs: number): Promise<void> {
  let index = from;
  for (const size of sizes) {
    // Without an await where there is room, so that messages pile up as far as the link lets them.
    const span = tryClaim(link, size) ?? (await claim(link, size, patienceMs));
    commit(link, span, index++, size);
  }
  link.flush();
}

/** The next message's span, or null at the end. */
export async function next(link: Link, patienceMs: number): Promise<Span | null> {
  const first = link.receive();
  if (first !== null || link.ended) return first;
  assert.ok(await link.whenReadable(inMs(patienceMs)), `no message and no end within ${patienceMs} ms`);
  const span = link.receive();
  assert.ok(span !== null || link.ended, 'whenReadable said yes, but receive gave null and it is not the end');
  return span;
}

/** Receives messages `from`, `from + 1` …, which must have the given sizes. */
export async function expectMessages(
  link: Link,
  from: number,
  sizes: readonly number[],
  patienceMs: number,
): Promise<void> {
  let index = from;
  for (const size of sizes) {
    const span = link.receive() ?? (await next(link, patienceMs));
    assert.ok(span !== null, `the end came before message ${index}: ${describeEnd(link.end)}`);
    check(span, index++, size);
    link.release();
  }
}

/** Receives messages of one size to the end; returns how many. */
export async function drain(link: Link, from: number, size: number, patienceMs: number): Promise<number> {
  let index = from;
  for (;;) {
    const span = await next(link, patienceMs);
    if (span === null) return index - from;
    check(span, index++, size);
    link.release();
  }
}

/** Nothing may be left: the next thing is the end. Returns it. */
export async function expectEnd(link: Link, patienceMs: number): Promise<LinkEnd> {
  const span = await next(link, patienceMs);
  assert.equal(span, null, 'a message came where the end should be');
  const end = link.end;
  assert.ok(end !== undefined, 'ended is true, but end is still undefined');
  return end;
}

/** Sends everything back until the end; returns how many messages. */
export async function echo(link: Link, patienceMs: number): Promise<number> {
  for (let count = 0; ; count++) {
    const span = await next(link, Number.POSITIVE_INFINITY);
    if (span === null) return count;
    const length = span.end - span.start;
    const reply = await claim(link, length, patienceMs);
    span.bytes.copy(reply.bytes, reply.start, span.start, span.end);
    link.commit(length);
    link.release();
  }
}

/** Commits messages of one size until the link is full; returns how many. Never waits. */
export function fill(link: Link, from: number, size: number): number {
  for (let count = 0; ; count++) {
    let span = tryClaim(link, size);
    if (span === null) {
      // A batch may be full while the mechanism behind it still has room.
      link.flush();
      span = tryClaim(link, size);
    }
    if (span === null) return count;
    assert.ok(
      (count + 1) * (size + MESSAGE_COST_BYTES) < BOUNDLESS,
      `never full: took ${count} messages of ${size} bytes that nobody reads`,
    );
    commit(link, span, from + count, size);
  }
}

/**
 * As `fill`, until the link stays full although the event loop turns.
 * @param settlingMs in which the system may make room by itself: the link must stay full for so long
 */
export async function fillFirmly(link: Link, from: number, size: number, settlingMs: number): Promise<number> {
  let count = 0;
  for (let quiet = 0; quiet < 2; ) {
    const more = fill(link, from + count, size);
    quiet = more === 0 ? quiet + 1 : 0;
    count += more;
    await turns();
  }
  return count + (await settle(link, from + count, size, settlingMs));
}

/** Fills a full link on as often as the system finds more room, until it has found none for so long; gives how many. */
async function settle(link: Link, from: number, size: number, settlingMs: number): Promise<number> {
  let count = 0;
  for (let until = inMs(settlingMs); performance.now() < until; ) {
    await setTimeout(SETTLING_LOOK_MS);
    const more = fill(link, from + count, size);
    if (more > 0) until = inMs(settlingMs);
    count += more;
  }
  return count;
}

/** Gives the event loop of this thread so many turns that whatever it could do is done. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await setImmediate();
}

export function describeEnd(end: LinkEnd | undefined): string {
  if (end === undefined) return 'no end';
  return `by ${end.by}, ${end.orderly ? 'orderly' : 'disorderly'}, ${end.error.code} (${end.error.reason}): ${end.error.message}`;
}
