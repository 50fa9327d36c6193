/**
 * What links of `delivery: 'lossy'` do not promise, or what can't be seen of them: they lose what there is no room for
 * instead of being full, so that nobody has to wait for room, and a flood does not arrive whole. Each line is the
 * beginning of the promises that it takes away. The suite runs where little is lost (one machine, few messages on their
 * way), so that everything else is judged as of any other link.
 */
export const notPromisedWhenLossy: readonly string[] = [
  // messages
  'keeps 20,000 small messages in order',
  'carries all sizes mixed, several times what its buffers hold',
  'sends as much of a claim as is committed',
  'does not touch a received message before its release',
  'carries messages both ways at once',
  // backpressure
  'says full to ',
  'takes the largest message after having been full',
  'whenWritable waits while the link is full',
  'whenWritable says no at its deadline while the link stays full',
  'goes through full again and again',
  'is full in one way without',
  'recovers from being full',
  // waiting
  'whenWritable on a full link',
  'waits to receive and to send at the same time',
  // ending
  'close delivers everything that was committed',
  'says ended only after its last message',
  'close waits for a slow receiver of a full link',
  'close of a full link',
  'close on a full link',
  'closes from both sides at once although both ways are full',
  'abort of a full link',
  'abort cuts short a close that waits',
  'abort by the receiver tells a sender that waits for room',
  // death
  'keeps what is sent to a stopped peer',
  // blocking
  'waitWritable in a ',
  'waitReadable in a worker does not need room',
  'waitReadable in a process does not need room',
  'closeSync in a process waits for a slow receiver',
  'closeSync in a worker waits for a slow receiver',
  'closeSync in a process of a full link',
  'closeSync in a worker of a full link',
  'closeSync in a process on a full link',
  'closeSync in a worker on a full link',
  'sends a blocking client in a ',
  // leaks
  'leaves no descriptor, mapping or timer behind: links that were aborted while full',
];

export function promisedWhenLossy(promise: string): boolean {
  return !notPromisedWhenLossy.some((beginning) => promise.startsWith(beginning));
}
