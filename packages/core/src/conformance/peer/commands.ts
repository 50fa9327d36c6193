/** Everything that the suite can ask of a peer. Each runs at once, beside those that still wait. */

import { parseAddress } from '../../transport/address.js';
import type { Link, TransportOptions } from '../../transport/contract.js';
import { monotonicMs } from '../clock.js';
import { expectHarmless } from '../expectations.js';
import { expectLoads, type Load, sendLoads } from '../loads.js';
import * as traffic from '../traffic.js';
import * as trafficSync from '../traffic-sync.js';
import { type PlainEnd, toPlainEnd } from './protocol.js';
import type { Self } from './self.js';

const { inMs } = traffic;

export interface Endpoint {
  readonly url: string;
  /** Instead of the suite's own. */
  readonly options?: TransportOptions;
}

/** From now; negative for an instant in the past, Infinity for never. */
export interface Limit {
  readonly timeoutMs: number;
}

export interface Numbered {
  readonly from: number;
  readonly sizes: readonly number[];
}

export interface WaitOutcome {
  readonly result: boolean;
  readonly elapsedMs: number;
  /** When it returned, on the clock that all processes share. */
  readonly atMs: number;
  readonly end: PlainEnd | undefined;
}

const never: Limit = { timeoutMs: Number.POSITIVE_INFINITY };

function about(link: Link) {
  return { peer: link.peer, maxMessageBytes: link.maxMessageBytes, ended: link.ended, end: toPlainEnd(link.end) };
}

function takenAt(link: Link, deadline: number): boolean {
  if (link.waitTaken === undefined) throw new TypeError('the link has no waitTaken');
  return link.waitTaken(deadline);
}

function timed(link: Link, wait: () => boolean): WaitOutcome {
  const before = performance.now();
  const result = wait();
  return { result, elapsedMs: performance.now() - before, atMs: monotonicMs(), end: toPlainEnd(link.end) };
}

/** Gives up the channel to the suite, which would keep this process alive, once the answer to this command is out. */
function leaveSuite(): void {
  process.removeAllListeners('disconnect');
  setImmediate(() => process.disconnect());
}

export const commands = {
  about: (self: Self) => about(self.link),

  // --- making links ---
  async listen(self: Self, { url, options }: Endpoint): Promise<string> {
    const accept = (link: Link) => self.accept(link);
    self.listener = await self.transport.listen(parseAddress(url), options ?? self.options, accept);
    return self.listener.url;
  },
  async accept(self: Self) {
    self.link = await self.accepted();
    return about(self.link);
  },
  async connect(self: Self, { url, options, timeoutMs }: Endpoint & Limit) {
    self.link = await self.transport.connect(parseAddress(url), options ?? self.options, inMs(timeoutMs));
    return about(self.link);
  },
  connectSync(self: Self, { url, options, timeoutMs }: Endpoint & Limit) {
    self.link = self.transport.connectSync(parseAddress(url), options ?? self.options, inMs(timeoutMs));
    return about(self.link);
  },

  // --- messages ---
  send: (self: Self, { from, sizes }: Numbered) => traffic.send(self.link, from, sizes, self.patienceMs),
  sendSync: (self: Self, { from, sizes }: Numbered) => trafficSync.sendSync(self.link, from, sizes, self.patienceMs),
  expect: (self: Self, { from, sizes }: Numbered) => traffic.expectMessages(self.link, from, sizes, self.patienceMs),
  expectSync: (self: Self, { from, sizes }: Numbered) =>
    trafficSync.expectMessagesSync(self.link, from, sizes, self.patienceMs),
  expectEnd: async (self: Self) => toPlainEnd(await traffic.expectEnd(self.link, self.patienceMs)),
  expectEndSync: (self: Self) => toPlainEnd(trafficSync.expectEndSync(self.link, self.patienceMs)),
  echo: (self: Self) => traffic.echo(self.link, self.patienceMs),
  echoSync: (self: Self) => trafficSync.echoSync(self.link, self.patienceMs),
  fill: (self: Self, { from, size, settlingMs }: { from: number; size: number; settlingMs: number }) =>
    traffic.fillFirmly(self.link, from, size, settlingMs),
  turns: () => traffic.turns(),
  /** Commits without a flush. */
  commit(self: Self, { from, size }: { from: number; size: number }): void {
    traffic.commit(self.link, trafficSync.claimSync(self.link, size, self.patienceMs), from, size);
  },
  /** Each message is sent once the one before has come back; the last one is not flushed before the wait for it. */
  pingPongSync(self: Self, { from, sizes }: Numbered): void {
    let index = from;
    for (const size of sizes) {
      traffic.commit(self.link, trafficSync.claimSync(self.link, size, self.patienceMs), index, size);
      trafficSync.expectMessagesSync(self.link, index++, [size], self.patienceMs);
    }
  },
  /** Sends and never stops of itself. */
  async flood(self: Self, { from, size }: { from: number; size: number }): Promise<void> {
    for (let index = from; ; index++) {
      traffic.commit(self.link, await traffic.claim(self.link, size, Number.POSITIVE_INFINITY), index, size);
      if (index % 16 === 0) self.link.flush();
    }
  },
  /** Claims room for a message and writes half of it. */
  writeHalf(self: Self, { size }: { size: number }): void {
    const span = trafficSync.claimSync(self.link, size, self.patienceMs);
    span.bytes.fill(0xee, span.start, span.start + (size >> 1));
  },

  // --- handles ---
  sendLoads: (self: Self, { scratch, loads }: { scratch: string; loads: readonly Load[] }) =>
    sendLoads(self.link, scratch, loads, self.patienceMs),
  expectLoads: (self: Self, { loads }: { loads: readonly Load[] }) => expectLoads(self.link, loads, self.patienceMs),

  // --- waiting ---
  waitReadable: (self: Self, limit: Limit = never) =>
    timed(self.link, () => self.link.waitReadable(inMs(limit.timeoutMs))),
  waitWritable: (self: Self, { bytes, timeoutMs }: Limit & { bytes: number }) =>
    timed(self.link, () => self.link.waitWritable(bytes, inMs(timeoutMs))),
  waitTaken: (self: Self, limit: Limit = never) => timed(self.link, () => takenAt(self.link, inMs(limit.timeoutMs))),
  /** Lets this process end as soon as nothing keeps its event loop alive, with a wait of the link pending. */
  idle(self: Self, { ref, exitCode }: { ref: boolean; exitCode: number }): void {
    if (ref) self.link.ref();
    else self.link.unref();
    void self.link.whenReadable(Number.POSITIVE_INFINITY).then(() => process.exit(exitCode));
    leaveSuite();
  },
  /** The same with a listener, which ends the process when it gets a link. */
  idleListener(self: Self, { ref, exitCode }: { ref: boolean; exitCode: number }): void {
    if (ref) self.listener?.ref();
    else self.listener?.unref();
    void self.accepted().then(() => process.exit(exitCode));
    leaveSuite();
  },

  // --- ending ---
  async close(self: Self, { timeoutMs }: Limit = never) {
    const before = performance.now();
    await self.link.close(inMs(timeoutMs));
    return { elapsedMs: performance.now() - before, end: toPlainEnd(self.link.end) };
  },
  closeSync(self: Self, { timeoutMs }: Limit = never) {
    const before = performance.now();
    self.link.closeSync(inMs(timeoutMs));
    return { elapsedMs: performance.now() - before, end: toPlainEnd(self.link.end) };
  },
  abort: (self: Self): void => self.link.abort(),
  expectHarmless: (self: Self, { blocking }: { blocking: boolean }) => expectHarmless(self.link, blocking),
  exit(_self: Self, { code }: { code: number }): void {
    process.exit(code);
  },
};

export type Commands = typeof commands;
export type CommandName = keyof Commands;
/** What a command is told besides who runs it. */
export type CommandArgs<N extends CommandName> = Parameters<Commands[N]> extends [unknown, ...infer A] ? A : [];
export type CommandResult<N extends CommandName> = Awaited<ReturnType<Commands[N]>>;
