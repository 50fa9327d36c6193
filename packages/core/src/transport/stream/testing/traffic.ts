import type { Link } from '../../contract.js';
import { openStreamLink } from '../greeting.js';
import type { StreamLinkOptions } from '../options.js';
import { type MemoryOptions, type MemoryStream, memoryPair } from './memory-stream.js';

export const NEVER = Number.POSITIVE_INFINITY;

export interface LinkedPair {
  readonly links: readonly [Link, Link];
  readonly streams: readonly [MemoryStream, MemoryStream];
}

/** Two links that have greeted each other. */
export async function linkedPair(
  memory: MemoryOptions = {},
  options: StreamLinkOptions = { maxMessageBytes: 100_000 },
): Promise<LinkedPair> {
  const streams = memoryPair(memory);
  const opening = streams.map((stream) => openStreamLink(stream, options, NEVER));
  return { links: (await Promise.all(opening)) as [Link, Link], streams };
}

/** A message whose bytes tell which it is and where they were in it. */
export function pattern(index: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (index * 31 + i * 7) & 0xff;
  return bytes;
}

/** False when the link is full. */
export function put(link: Link, message: Buffer): boolean {
  const span = link.claim(message.length);
  if (span === null) return false;
  message.copy(span.bytes, span.start);
  link.commit(message.length);
  return true;
}

export async function send(link: Link, messages: readonly Buffer[]): Promise<void> {
  for (const message of messages) {
    while (!put(link, message)) await link.whenWritable(message.length, NEVER);
    link.flush();
  }
}

/** A copy of the next message; null at the end. */
export async function next(link: Link): Promise<Buffer | null> {
  for (;;) {
    const span = link.receive();
    if (span !== null) {
      const copy = Buffer.from(span.bytes.subarray(span.start, span.end));
      link.release();
      return copy;
    }
    if (link.ended) return null;
    await link.whenReadable(NEVER);
  }
}

export async function receiveAll(link: Link): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  for (let message = await next(link); message !== null; message = await next(link)) messages.push(message);
  return messages;
}
