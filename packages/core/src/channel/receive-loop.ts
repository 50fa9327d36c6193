import type { Deadline } from '../transport/contract.js';
import { turn, turnIsDue } from '../transport/turn.js';
import type { Channel } from './channel.js';

/** Replies that may wait for room before a side that only serves stops reading. One that calls, too: see `Channel.handle`. */
const CLOGGED = 1024;
/** Messages between two looks at the clock: few, since each may have run a handler that took its time. */
const MESSAGES = 8;

/**
 * Handles what a channel receives, for as long as it lives, on the event loop. Polls and sleeps as the link's strategy
 * says. While a flood comes in, the loop gets a turn every so often.
 */
export async function receiveLoop(channel: Channel): Promise<void> {
  const { link } = channel;
  let handled = 0;
  do {
    for (;;) {
      const span = link.receive();
      if (span === null) {
        if (channel.yieldDue || link.ended || !link.pollReadable()) break;
        continue;
      }
      channel.handle(span);
      link.release();
      if (++handled % MESSAGES === 0 && turnIsDue(performance.now())) {
        link.flush();
        await turn();
      }
    }
    if (link.ended) break;
    link.flush();
    // Who calls reads on, also where he serves: were both sides to stop until there is room, neither would ever make any.
    if (channel.requests !== undefined && channel.replies === undefined && channel.outbox.length > CLOGGED) {
      await channel.outbox.drained;
    }
    channel.yieldDue = false;
  } while (await link.whenReadable(Number.POSITIVE_INFINITY));
  channel.linkEnded();
}

/**
 * The same for a thread that blocks: handles what a channel receives until `waiter` is settled or the channel has ended
 * (true), or until the deadline (false).
 */
export function receiveUntil(channel: Channel, waiter: { readonly settled: boolean }, deadline: Deadline): boolean {
  const { link } = channel;
  while (!waiter.settled) {
    const span = link.receive();
    if (span !== null) {
      channel.handle(span);
      link.release();
    } else if (link.ended) {
      channel.linkEnded();
      return true;
    } else if (!link.waitReadable(deadline)) {
      return false;
    }
  }
  return true;
}

/**
 * Handles what has come, without waiting, until `waiter` is settled. `ask`: the mechanism is asked for what this side has
 * not seen yet, which may take a system call.
 */
export function receiveAvailable(channel: Channel, ask: boolean, waiter: { readonly settled: boolean }): void {
  const { link } = channel;
  for (let asked = !ask; !waiter.settled; ) {
    const span = link.receive();
    if (span !== null) {
      channel.handle(span);
      link.release();
    } else if (link.ended) {
      channel.linkEnded();
      return;
    } else if (asked || !link.waitReadable(Number.NEGATIVE_INFINITY)) return;
    else asked = true;
  }
}

/** Handles what is left in a channel whose link takes nothing more; the link is released then. Never waits. */
export function receiveRest(channel: Channel): void {
  const { link } = channel;
  for (let span = link.receive(); span !== null; span = link.receive()) {
    channel.handle(span);
    link.release();
  }
  if (link.end === undefined) link.abort();
  channel.linkEnded();
}
