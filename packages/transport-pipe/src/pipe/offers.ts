import type { PipeEnds } from '../pipe-stream.js';

/** Ends of pipes that nobody has made a link of yet, by name; of this thread. */
const offers = new Map<string, PipeEnds>();
let made = 0;

/** A name under which nothing has been offered on this thread, nor will be: an old address never means a new child. */
export function newName(): string {
  made += 1;
  return `child-${made}`;
}

/** Keeps the ends until they are taken or withdrawn. */
export function offer(name: string, ends: PipeEnds): void {
  offers.set(name, ends);
}

/** Whoever takes them owns them. */
export function takeOffer(name: string): PipeEnds | undefined {
  const ends = offers.get(name);
  offers.delete(name);
  return ends;
}

/** Closes the ends, if nobody has taken them. */
export function withdraw(name: string): void {
  const ends = takeOffer(name);
  ends?.input.close();
  ends?.output.close();
  ends?.life?.close();
}
