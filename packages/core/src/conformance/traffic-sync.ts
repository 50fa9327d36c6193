/** The same as traffic.ts for a thread that blocks. Only for programs that somebody else watches. */
import assert from 'node:assert/strict';
import type { Link, LinkEnd, Span } from '../transport/contract.js';
import { check, commit, describeEnd, inMs, tryClaim } from './traffic.js';

export function claimSync(link: Link, bytes: number, patienceMs: number): Span {
  const first = tryClaim(link, bytes);
  if (first !== null) return first;
  assert.ok(link.waitWritable(bytes, inMs(patienceMs)), `still no room for ${bytes} bytes after ${patienceMs} ms`);
  const span = tryClaim(link, bytes);
  assert.ok(span !== null, `waitWritable(${bytes}) said yes, but claim(${bytes}) gave null`);
  return span;
}

export function sendSync(link: Link, from: number, sizes: readonly number[], patienceMs: number): void {
  let index = from;
  for (const size of sizes) commit(link, claimSync(link, size, patienceMs), index++, size);
  link.flush();
}

export function nextSync(link: Link, patienceMs: number): Span | null {
  const first = link.receive();
  if (first !== null || link.ended) return first;
  assert.ok(link.waitReadable(inMs(patienceMs)), `no message and no end within ${patienceMs} ms`);
  const span = link.receive();
  assert.ok(span !== null || link.ended, 'waitReadable said yes, but receive gave null and it is not the end');
  return span;
}

export function expectMessagesSync(link: Link, from: number, sizes: readonly number[], patienceMs: number): void {
  let index = from;
  for (const size of sizes) {
    const span = nextSync(link, patienceMs);
    assert.ok(span !== null, `the end came before message ${index}: ${describeEnd(link.end)}`);
    check(span, index++, size);
    link.release();
  }
}

/** Nothing may be left: the next thing is the end. Returns it. */
export function expectEndSync(link: Link, patienceMs: number): LinkEnd {
  assert.equal(nextSync(link, patienceMs), null, 'a message came where the end should be');
  assert.ok(link.end !== undefined, 'ended is true, but end is still undefined');
  return link.end;
}

/** Sends everything back until the end; returns how many messages. */
export function echoSync(link: Link, patienceMs: number): number {
  for (let count = 0; ; count++) {
    const span = nextSync(link, Number.POSITIVE_INFINITY);
    if (span === null) return count;
    const length = span.end - span.start;
    const reply = claimSync(link, length, patienceMs);
    span.bytes.copy(reply.bytes, reply.start, span.start, span.end);
    link.commit(length);
    link.release();
  }
}
