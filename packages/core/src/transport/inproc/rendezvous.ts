import { BroadcastChannel, threadId } from 'node:worker_threads';
import type { Direction } from '../contract.js';

/** What threads of one process tell each other to meet. Everything else happens in the memory sent along. */
export type Notice =
  | {
      readonly kind: 'connect';
      readonly name: string;
      readonly memory: SharedArrayBuffer;
      readonly ringBytes: number;
      readonly maxMessageBytes: number;
      /** As the connecting side sees it. */
      readonly direction: Direction;
    }
  | { readonly kind: 'who'; readonly name: string; readonly answer: SharedArrayBuffer };

/** A thread hears its own notices too, on another object of the same channel; `from` tells them apart. */
type Sent = Notice & { readonly from: number };

export type Acceptor = (notice: Extract<Notice, { kind: 'connect' }>) => void;

const CHANNEL = 'callgate:inproc';

/** The listeners of this thread by name. One per thread by nature: the names are the process's. */
const acceptors = new Map<string, Acceptor>();
let channel: BroadcastChannel | undefined;
let references = 0;

export function acceptorHere(name: string): Acceptor | undefined {
  return acceptors.get(name);
}

export function addAcceptor(name: string, acceptor: Acceptor): void {
  acceptors.set(name, acceptor);
  if (channel !== undefined) return;
  channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event: unknown) => hear((event as { data: Sent }).data);
  if (references === 0) channel.unref();
}

export function removeAcceptor(name: string): void {
  acceptors.delete(name);
  if (acceptors.size > 0) return;
  channel?.close();
  channel = undefined;
}

/** Listening keeps the event loop of the thread alive while anybody here asks for it. */
export function refAcceptors(change: 1 | -1): void {
  references += change;
  if (references > 0) channel?.ref();
  else channel?.unref();
}

/** Tells the other threads. */
export function tellOthers(notice: Notice): void {
  const once = new BroadcastChannel(CHANNEL);
  once.postMessage({ ...notice, from: threadId } satisfies Sent);
  once.close();
}

function hear(notice: Sent): void {
  if (notice.from === threadId) return;
  const acceptor = acceptors.get(notice.name);
  if (acceptor === undefined) return;
  if (notice.kind === 'connect') {
    acceptor(notice);
  } else {
    const answer = new Int32Array(notice.answer);
    Atomics.store(answer, 0, 1);
    Atomics.notify(answer, 0);
  }
}
