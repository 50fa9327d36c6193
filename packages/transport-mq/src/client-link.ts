import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Credentials,
  cutOff,
  type Deadline,
  describePeer,
  type LinkEnd,
  overLimit,
  peerClosed,
  turn,
  turnIsDue,
} from '@callgate/core/transport';
import { type MessageQueueHandle, type MessageThread, messageQueueLimit, type NativeAddon } from '@callgate/native';
import { decodeFailure, encodeFailure, sendControl } from './control.js';
import { Crowd } from './crowd.js';
import { BOXED, emptyHead, HEAD_BYTES, Kind, LAST, NORMAL, readHead, toMonotonic } from './layout.js';
import { type Identity, LifeWatch, lives, ownIdentity } from './life.js';
import { MqLink } from './link.js';
import { LostCalls } from './lost-calls.js';
import type { ResolvedMqOptions } from './options.js';
import { Outbox, urgency } from './outbox.js';
import type { Place } from './place.js';
import { partBytes } from './queues.js';
import { type Member, readRoster, serversIn } from './roster.js';

/** How long, in microseconds, a blocking wait looks before it sleeps; others run in between. */
const SPIN_US = 50;
/** The same on the event loop, at a time, and for how long in all, in ms. */
const POLL_US = 20;
const POLL_MS = 0.2;
/** More servers than the kernel can watch for a blocked thread are looked after so often, in ms. */
const LOOK_MS = 50;
const MOST_WATCHED = 8;
const NEVER = Number.POSITIVE_INFINITY;

/** A server that this link knows. */
export interface KnownServer {
  readonly box: number;
  readonly queue: MessageQueueHandle;
  readonly life: LifeWatch;
}

export interface ClientLinkParts {
  readonly native: NativeAddon;
  readonly place: Place;
  readonly options: ResolvedMqOptions;
  readonly mailbox: MessageQueueHandle;
  readonly box: MessageQueueHandle;
  readonly persistent: boolean;
  readonly leave: () => Promise<void>;
}

interface Mutable {
  readonly address: string;
  readonly addressing: 'mailbox';
  credentials?: Credentials;
}

/** The end of a link that called: it sends to the mailbox, or to who has taken what it is about, and has a box of its own. */
export class ClientLink extends MqLink {
  readonly box: number;
  onLost: ((about: number, error: RpcError) => void) | undefined;
  /** What a server has answered to OPEN. */
  welcomedBy: number | undefined;
  readonly #parts: ClientLinkParts;
  readonly #native: NativeAddon;
  readonly #servers = new Map<number, KnownServer>();
  readonly #lost: LostCalls;
  readonly #head = emptyHead();
  readonly #textBytes = messageQueueLimit('msgmax');
  readonly #crowd = new Crowd();
  /** With one processor, nobody can answer while this thread looks. */
  readonly #severalCpus: boolean;
  #thread: MessageThread | undefined;
  /** The thread waits for a message, or has one. */
  #threadWaits = false;
  #polling = false;
  /** The thread keeps the event loop alive. */
  #holds = false;
  #armDue: NodeJS.Immediate | undefined;
  /** The servers have changed since the kernel was told whom to watch for a blocked thread. */
  #unwatched = true;
  #watchesAll = false;
  // What the next message is about.
  #about = 0;
  #urgent = false;
  #expires = NEVER;
  #revokes = false;
  /** Where the message in the outbox goes: to the mailbox (undefined), or to these. */
  #to: readonly KnownServer[] | undefined;

  constructor(parts: ClientLinkParts, servers: readonly Member[]) {
    const { native, box, options, place } = parts;
    const peer: Mutable = { address: place.url, addressing: 'mailbox' };
    super(
      peer,
      options.maxMessageBytes,
      new Outbox(native.messageQueueId(box), partBytes(native, parts.mailbox)),
      () => {
        if (this.welcomedBy === undefined) return;
        const { creatorUid: uid, creatorGid: gid } = native.messageQueueStatus(
          this.#servers.get(this.welcomedBy)!.queue,
        );
        // Only servers send into this box, and only one of them has yet.
        peer.credentials = Object.freeze({ pid: native.messageQueueStatus(box).lastSender, uid, gid });
      },
    );
    this.#parts = parts;
    this.#native = native;
    this.#severalCpus = native.availableCpus() > 1;
    this.box = native.messageQueueId(box);
    this.#lost = new LostCalls({
      servers: () => [...this.#servers.values()],
      refresh: () => this.#refresh(),
      mark: (serial) => this.#sendMarker(serial),
      ask: (server, serial) => this.#control(server, Kind.WHICH, serial),
      lost: (about) => this.#tellLost(about),
    });
    for (const server of servers) this.#meet(server);
  }

  /** See Link.mark. */
  mark(about: number, urgent: boolean, expires: Deadline, revokes: boolean): void {
    this.#about = about;
    this.#urgent = urgent;
    this.#expires = expires;
    this.#revokes = revokes;
  }

  /** See Link.forget. */
  forget(about: number): void {
    this.#lost.close(about);
  }

  /** Looks for a server. False when the mailbox is full. */
  open(): boolean {
    const text = Buffer.from(JSON.stringify(ownIdentity()));
    return sendControl(this.#native, this.#parts.mailbox, NORMAL, Kind.OPEN, this.box, 0, text);
  }

  protected readonly asks = true;

  protected address(length: number): boolean {
    const about = this.#about;
    const revokes = this.#revokes;
    const taker = about === 0 ? undefined : this.#lost.takerOf(about);
    const server = taker === undefined ? undefined : this.#servers.get(taker);
    if (server !== undefined) this.#to = [server];
    else if (revokes) this.#to = [...this.#servers.values()];
    else this.#to = undefined;
    const type = this.#to === undefined ? urgency(this.#urgent) : BOXED;
    const expires = this.#expires === NEVER ? NEVER : toMonotonic(this.#expires);
    const done = this.outbox.commit(length, revokes ? Kind.REVOKE : Kind.DATA, type, about, expires);
    if (done && about !== 0 && !revokes && this.#to === undefined) this.#lost.open(about);
    this.mark(0, false, NEVER, false);
    return done;
  }

  protected get boxed(): boolean {
    return this.#to !== undefined;
  }

  protected transmit(type: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#to === undefined) return this.#native.sendMessage(this.#parts.mailbox, type, bytes, start, end, 0);
    const [only] = this.#to;
    if (this.#to.length === 1) return this.#native.sendMessage(only!.queue, type, bytes, start, end, 0);
    // To all: whoever has no room, or is no more, has nothing to revoke that could not wait for its deadline.
    for (const { queue } of this.#to) {
      try {
        this.#native.sendMessage(queue, type, bytes, start, end, 0);
      } catch {
        // He has gone.
      }
    }
    return true;
  }

  protected failed(error: unknown): void {
    const [server] = this.#to ?? [];
    if (server !== undefined && (error as NodeJS.ErrnoException).code === 'EIDRM') {
      this.#serverGone(server.box, undefined);
      return;
    }
    const gone = (error as NodeJS.ErrnoException).code === 'EIDRM';
    const who = describePeer(this.peer);
    // A server that ends removes its own queues; the mailbox is removed by the last one, or by somebody from outside.
    if (gone) this.lose(cutOff(who, false, undefined));
    else this.lose({ by: 'fault', orderly: false, error: fromErrno(error, `the link with ${who} failed`) });
  }

  protected pull(): boolean {
    if (this.end !== undefined) return false;
    const room = this.inbox.room(this.#textBytes);
    let got = -1;
    try {
      if (this.#threadWaits) {
        got = this.#thread!.fetch(room.bytes, room.start, room.start + this.#textBytes);
        if (got < 0 && this.#thread!.cancel())
          got = this.#thread!.fetch(room.bytes, room.start, room.start + this.#textBytes);
        this.#threadWaits = false;
        this.#armSoon();
      }
      if (got < 0) got = this.#receive(room.bytes, room.start, 0);
    } catch (error) {
      this.failed(error);
      return true;
    }
    if (got < 0) return false;
    this.#take(room.bytes, room.view, room.start, got);
    return true;
  }

  protected sleep(deadline: Deadline): void {
    if (this.end !== undefined) return;
    const room = this.inbox.room(this.#textBytes);
    let got = -1;
    if (this.#threadWaits) {
      this.pull();
      if (this.readable) return;
    }
    if (this.#severalCpus && this.#crowd.looks) {
      const before = performance.now();
      got = this.#receive(room.bytes, room.start, SPIN_US);
      this.#crowd.tooLong(performance.now() - before);
    }
    if (got === -1) {
      const watched = this.#watchForBlocked();
      const slice = Math.min(deadline, performance.now() + (watched ? (this.#lost.any ? 500 : NEVER) : LOOK_MS));
      const leftMs = slice === NEVER ? NEVER : Math.max(0, slice - performance.now());
      got = this.#native.awaitMessage(this.#parts.box, room.bytes, room.start, room.start + this.#textBytes, leftMs);
      if (got < 0) {
        this.checkLife();
        if (this.#lost.any) this.#lost.look();
      }
    }
    if (got >= 0) this.#take(room.bytes, room.view, room.start, got);
  }

  protected arm(): void {
    if (!this.#polling) void this.#poll();
  }

  protected hold(alive: boolean): void {
    if (this.#thread === undefined || alive === this.#holds) return;
    this.#holds = alive;
    if (alive) this.#thread.ref();
    else this.#thread.unref();
  }

  protected sayBye(): boolean {
    if (!sendControl(this.#native, this.#parts.mailbox, NORMAL, Kind.BYE, this.box)) return false;
    // One of them takes it from the mailbox, behind all that is there.
    if (this.#servers.size > 1) for (const server of this.#servers.values()) this.#control(server, Kind.BYE);
    return true;
  }

  protected sayAbort(error: RpcError | undefined): void {
    for (const server of this.#servers.values()) this.#control(server, Kind.ABORT, 0, encodeFailure(error));
  }

  protected checkLife(): void {
    for (const server of [...this.#servers.values()]) {
      if (!server.life.alive) this.#serverGone(server.box, undefined);
    }
  }

  protected letGo(): Promise<void> {
    if (this.#armDue !== undefined) clearImmediate(this.#armDue);
    this.#thread?.close();
    this.#lost.stop();
    for (const { queue, life } of this.#servers.values()) {
      life.close();
      queue.close();
    }
    this.#servers.clear();
    this.#parts.box.close();
    this.#parts.mailbox.close();
    return this.#parts.leave();
  }

  override release(): void {
    super.release();
    if (this.inbox.length === 0) this.#armSoon();
  }

  /** Listens on the event loop though nobody waits: for the end. */
  #armSoon(): void {
    if (this.#armDue !== undefined || this.end !== undefined) return;
    this.#armDue = setImmediate(() => {
      this.#armDue = undefined;
      this.#armNow();
    });
  }

  listen(): void {
    this.#armSoon();
  }

  #armNow(): void {
    if (this.end !== undefined || this.#threadWaits || this.#polling) return;
    if (this.inbox.length > 0) {
      this.reading.settle(true);
      return;
    }
    this.#thread ??= this.#native.createMessageThread(() => this.#onThread());
    this.#threadWaits = true;
    this.#thread.receive(this.#parts.box, 0, this.#textBytes);
    this.updateRef();
  }

  #onThread(): void {
    if (!this.#threadWaits || this.end !== undefined) return;
    this.#threadWaits = false;
    const room = this.inbox.room(this.#textBytes);
    try {
      const got = this.#thread!.fetch(room.bytes, room.start, room.start + this.#textBytes);
      if (got >= 0) this.#take(room.bytes, room.view, room.start, got);
    } catch (error) {
      this.failed(error);
    }
    if (this.readable) this.reading.settle(true);
    this.#armNow();
  }

  /** Looks on the event loop, for as long as looking is worth it, and then lets the thread wait. */
  async #poll(): Promise<void> {
    if (this.#threadWaits) return;
    this.#polling = true;
    let now = performance.now();
    const until = now + POLL_MS;
    while (this.#crowd.looks && this.reading.waiting && this.end === undefined && !this.#threadWaits) {
      const room = this.inbox.room(this.#textBytes);
      try {
        const got = this.#receive(room.bytes, room.start, POLL_US);
        if (got >= 0) this.#take(room.bytes, room.view, room.start, got);
      } catch (error) {
        this.failed(error);
      }
      if (this.readable) {
        this.reading.settle(true);
        break;
      }
      const before = now;
      now = performance.now();
      if (now > until || this.#crowd.tooLong(now - before)) break;
      if (turnIsDue(now)) await turn();
      else await undefined;
    }
    this.#polling = false;
    if (this.reading.waiting) this.#armNow();
    else this.#armSoon();
  }

  #receive(bytes: Buffer, start: number, spinUs: number): number {
    return this.#native.receiveMessage(this.#parts.box, 0, bytes, start, start + this.#textBytes, spinUs);
  }

  /** A part that has come into the box, or whatever somebody put there. */
  #take(bytes: Buffer, view: DataView, start: number, length: number): void {
    const head = this.#head;
    if (!readHead(view, start, length, head)) return;
    const { from } = head;
    if (!this.#servers.has(from)) this.#meetUnknown(from);
    switch (head.kind) {
      case Kind.DATA:
      case Kind.REST:
        if (head.bytes > this.maxMessageBytes) {
          this.#fault(overLimit(describePeer(this.peer), head.bytes, this.maxMessageBytes));
          return;
        }
        if (head.about !== 0) this.#lost.takenBy(head.about, from);
        this.inbox.add(head, bytes, start + HEAD_BYTES, start + length);
        return;
      case Kind.WELCOME:
        this.welcomedBy = from;
        this.onPeerKnown();
        this.reading.settle(true);
        return;
      case Kind.BYE:
        this.#serverGone(from, peerClosed(describePeer(this.peer)));
        return;
      case Kind.ABORT: {
        const said = decodeFailure(bytes.toString('utf8', start + HEAD_BYTES, start + length));
        if (this.awaitsWelcome && this.welcomedBy === undefined) {
          this.refusal = said;
          this.reading.settle(true);
          return;
        }
        if (head.serial !== 0) {
          this.#lost.refused(head.serial);
          return;
        }
        const who = describePeer(this.peer);
        const end = said === undefined ? cutOff(who, this.inbox.waitsForParts, undefined) : peerClosed(who, said);
        this.#serverGone(from, end);
        return;
      }
      case Kind.PASSED:
        this.#lost.passed(head.serial);
        return;
      case Kind.HOLDING: {
        const held = new Set<number>();
        for (let at = start + HEAD_BYTES; at + 4 <= start + length; at += 4) held.add(view.getUint32(at, true));
        this.#lost.holding(from, head.serial, held);
        return;
      }
      default:
    }
  }

  protected override get readable(): boolean {
    return super.readable || this.#opening;
  }

  /** Somebody waits for the answer to OPEN, which has come. */
  get #opening(): boolean {
    return this.awaitsWelcome && (this.welcomedBy ?? this.refusal ?? this.fate) !== undefined;
  }
  awaitsWelcome = false;
  /** Why a server did not welcome it. */
  refusal: RpcError | undefined;

  #fault(error: RpcError): void {
    this.sayAbort(error);
    this.finish({ by: 'fault', orderly: false, error });
  }

  #meet(server: Identity & { readonly box: number }): void {
    if (this.#servers.has(server.box)) return;
    const queue = this.#native.attachMessageQueue(server.box);
    const life = new LifeWatch(this.#native, server, () => this.#serverGone(server.box, undefined));
    this.#servers.set(server.box, { box: server.box, queue, life });
    this.#unwatched = true;
  }

  #meetUnknown(from: number): void {
    const member = readRoster(this.#parts.place)?.members.find(({ box }) => box === from);
    if (member !== undefined && lives(member)) this.#meet(member);
  }

  /** Servers that have come since. */
  #refresh(): number {
    const roster = readRoster(this.#parts.place);
    for (const server of serversIn(roster)) this.#meet(server);
    return roster?.deaths ?? 0;
  }

  /** A server has left the link (`end`), or died. */
  #serverGone(box: number, end: LinkEnd | undefined): void {
    const server = this.#servers.get(box);
    if (server === undefined || this.end !== undefined) return;
    this.#servers.delete(box);
    this.#unwatched = true;
    server.life.close();
    server.queue.close();
    this.#refresh();
    const another = [...this.#servers.values()].some(({ box: known }) => known !== box);
    if (another || (this.#parts.persistent && end === undefined)) {
      // It may just have removed its queue while the process lives on: whatever it had is lost all the same.
      this.#lost.died(box);
      return;
    }
    this.lose(end ?? cutOff(describePeer(this.peer), this.inbox.waitsForParts, undefined));
  }

  #tellLost(about: number): void {
    this.onLost?.(about, this.#diedWith());
    this.news = true;
    this.reading.settle(true);
  }

  #diedWith(): RpcError {
    const words = `the server that had taken the call from ${this.#parts.place.url} died`;
    return new RpcError('UNAVAILABLE', words, { reason: Reason.PEER_DIED });
  }

  #sendMarker(serial: number): boolean {
    return sendControl(this.#native, this.#parts.mailbox, LAST, Kind.MARKER, this.box, serial);
  }

  #control(server: KnownServer, kind: number, serial = 0, text?: Buffer): boolean {
    try {
      return sendControl(this.#native, server.queue, BOXED, kind, this.box, serial, text);
    } catch {
      return true;
    }
  }

  /** False when there are too many servers for that. */
  #watchForBlocked(): boolean {
    if (!this.#unwatched) return this.#watchesAll;
    const fds = [...this.#servers.values()].flatMap(({ life }) =>
      life.fd === undefined || life.fd.value < 0 ? [] : [life.fd],
    );
    this.#native.watchWhileAwaiting(this.#parts.box, ...fds.slice(0, MOST_WATCHED));
    this.#unwatched = false;
    this.#watchesAll = fds.length === this.#servers.size && fds.length <= MOST_WATCHED;
    return this.#watchesAll;
  }
}
