import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import {
  type Credentials,
  cutOff,
  type Deadline,
  describePeer,
  type LinkEnd,
  overLimit,
  peerClosed,
} from '@callgate/core/transport';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { ClientBox } from './client-box.js';
import { decodeFailure, encodeFailure, sendControl } from './control.js';
import { BOXED, emptyHead, HEAD_BYTES, Kind, LAST, NORMAL, readHead, toMonotonic } from './layout.js';
import { ownIdentity, processOf } from './life.js';
import { MqLink } from './link.js';
import { LostCalls } from './lost-calls.js';
import type { ResolvedMqOptions } from './options.js';
import { Outbox, urgency } from './outbox.js';
import type { Place } from './place.js';
import { partBytes } from './queues.js';
import type { Member } from './roster.js';
import { FIRST_PAUSE_MS } from './sender.js';
import { type KnownServer, Servers } from './servers.js';
import { Taken } from './taken.js';

/** More servers than the kernel can watch for a blocked thread are looked after so often, in ms. */
const LOOK_MS = 50;
/** While calls may be lost with servers that are not known, those are looked for so often, in ms. */
const LOST_LOOK_MS = 500;
const NEVER = Number.POSITIVE_INFINITY;

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
  readonly #servers: Servers;
  readonly #lost: LostCalls;
  readonly #head = emptyHead();
  readonly #own: ClientBox;
  readonly #taken: Taken;
  readonly waitTaken?: (deadline: Deadline) => boolean;
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
      native,
      options.direction,
      peer,
      options.maxMessageBytes,
      new Outbox(native.messageQueueId(box), partBytes(native, parts.mailbox), options.direction === 'send'),
      () => {
        if (this.welcomedBy === undefined) return;
        const { queue } = this.#servers.get(this.welcomedBy)!;
        const { creatorUid: uid, creatorGid: gid, lastReceiver } = native.messageQueueStatus(queue);
        peer.credentials = Object.freeze({ pid: processOf(lastReceiver), uid, gid });
      },
    );
    this.#parts = parts;
    this.#native = native;
    this.box = native.messageQueueId(box);
    this.#servers = new Servers(native, place, (server) => this.#serverGone(server, undefined));
    this.#own = new ClientBox(native, box, this.inbox, {
      took: (bytes, view, start, length) => this.#take(bytes, view, start, length),
      failed: (error) => this.failed(error),
      ended: () => this.end !== undefined,
      readable: () => this.readable,
      waiting: () => this.reading.waiting,
      settle: () => this.reading.settle(true),
      began: () => this.updateRef(),
    });
    this.#lost = new LostCalls({
      servers: () => this.#servers.all,
      refresh: () => this.#servers.refresh(),
      mark: (serial) => this.#sendMarker(serial),
      ask: (server, serial) => this.#control(server, Kind.WHICH, serial),
      lost: (about, why) => this.#tellLost(about, why),
    });
    this.#taken = new Taken({
      servers: () => this.#servers.all,
      refresh: () => this.#servers.refresh(),
      ask: (serial) => sendControl(native, parts.mailbox, NORMAL, Kind.TAKEN, this.box, serial),
      askAlso: (server, serial) => this.#control(server, Kind.TAKEN, serial),
    });
    if (this.direction === 'send') this.waitTaken = (deadline) => this.#waitTaken(deadline);
    for (const server of servers) this.#servers.meet(server);
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
    const sendsOnly = this.direction === 'send';
    return sendControl(this.#native, this.#parts.mailbox, NORMAL, Kind.OPEN, this.box, 0, text, sendsOnly);
  }

  protected readonly asks = true;

  protected address(length: number): boolean {
    const about = this.#about;
    const revokes = this.#revokes;
    const taker = about === 0 ? undefined : this.#lost.takerOf(about);
    const server = taker === undefined ? undefined : this.#servers.get(taker);
    if (server !== undefined) this.#to = [server];
    else if (revokes) this.#to = this.#servers.all;
    else this.#to = undefined;
    const type = this.#to === undefined ? urgency(this.#urgent) : BOXED;
    const expires = this.#expires === NEVER ? NEVER : toMonotonic(this.#expires);
    const done = this.outbox.commit(length, revokes ? Kind.REVOKE : Kind.DATA, type, about, expires);
    if (done && about !== 0 && !revokes && this.#to === undefined) this.#lost.open(about);
    this.mark(0, false, NEVER, false);
    if (done) this.#taken.sent();
    return done;
  }

  protected get boxed(): boolean {
    return this.#to !== undefined;
  }

  protected get destination(): MessageQueueHandle | undefined {
    if (this.#to === undefined) return this.#parts.mailbox;
    return this.#to.length === 1 ? this.#to[0]!.queue : undefined;
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
    return this.end === undefined && this.#own.pull();
  }

  protected sleep(deadline: Deadline): void {
    if (this.end !== undefined) return;
    const watched = this.#servers.watchFor(this.#parts.box);
    const look = watched ? (this.#lost.any ? LOST_LOOK_MS : NEVER) : LOOK_MS;
    if (this.#own.sleep(Math.min(deadline, performance.now() + look))) return;
    this.checkLife();
    if (this.#lost.any) this.#lost.look();
  }

  protected arm(): void {
    this.#own.arm();
  }

  protected hold(alive: boolean): void {
    this.#own.hold(alive);
  }

  protected sayBye(): boolean {
    if (!sendControl(this.#native, this.#parts.mailbox, NORMAL, Kind.BYE, this.box)) return false;
    // One of them takes it from the mailbox, behind all that is there.
    if (this.#servers.size > 1) for (const server of this.#servers.all) this.#control(server, Kind.BYE);
    return true;
  }

  protected sayAbort(error: RpcError | undefined): void {
    for (const server of this.#servers.all) this.#control(server, Kind.ABORT, 0, encodeFailure(error));
  }

  protected checkLife(): void {
    for (const server of this.#servers.all) {
      if (!server.life.alive) this.#serverGone(server.box, undefined);
    }
  }

  protected letGo(): Promise<void> {
    this.#own.close();
    this.#lost.stop();
    this.#servers.close();
    this.#parts.mailbox.close();
    return this.#parts.leave();
  }

  override release(): void {
    super.release();
    if (this.inbox.length === 0) this.#own.listen();
  }

  /** Listens on the event loop though nobody waits: for the end. */
  listen(): void {
    this.#own.listen();
  }

  /** A part that has come into the box, or whatever somebody put there. */
  #take(bytes: Buffer, view: DataView, start: number, length: number): void {
    const head = this.#head;
    if (!readHead(view, start, length, head)) return;
    const { from } = head;
    this.#servers.meetUnknown(from);
    // Whoever may use the mailbox may put something here; what counts is what comes in the name of a server.
    if (!this.#servers.served(from)) return;
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
          this.#lost.refused(head.serial, said);
          return;
        }
        const who = describePeer(this.peer);
        const end = said === undefined ? cutOff(who, this.inbox.waitsForParts, undefined) : peerClosed(who, said);
        this.#serverGone(from, end);
        return;
      }
      case Kind.PASSED:
        if (this.direction === 'send') this.#taken.answered(from, head.serial);
        else this.#lost.passed(head.serial);
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

  /** A server has left the link (`end`), or died. */
  #serverGone(box: number, end: LinkEnd | undefined): void {
    if (this.end !== undefined || !this.#servers.lose(box)) return;
    this.#taken.gone(box);
    this.#servers.refresh();
    const another = this.#servers.all.some(({ box: known }) => known !== box);
    if (another || (this.#parts.persistent && end === undefined)) {
      // It may just have removed its queue while the process lives on: whatever it had is lost all the same.
      this.#lost.died(box);
      return;
    }
    this.lose(end ?? cutOff(describePeer(this.peer), this.inbox.waitsForParts, undefined));
  }

  #waitTaken(deadline: Deadline): boolean {
    if (!this.waitWritable(0, deadline)) return false;
    for (let pause = FIRST_PAUSE_MS; !this.#taken.all; ) {
      let asked = true;
      try {
        asked = this.#taken.ask();
      } catch (error) {
        this.failed(error);
      }
      while (this.pull()) {
        // Answers, perhaps.
      }
      if (this.#taken.all) break;
      if (this.fate !== undefined || this.ended || performance.now() >= deadline) return false;
      if (asked) this.sleep(deadline);
      else pause = this.pause(pause, deadline);
    }
    return true;
  }

  #tellLost(about: number, why = this.#diedWith()): void {
    this.onLost?.(about, why);
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
}
