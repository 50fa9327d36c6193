import { fromErrno, type RpcError } from '@callgate/core/errors';
import {
  cutOff,
  type Deadline,
  type Direction,
  describePeer,
  type LinkEnd,
  overLimit,
  type Peer,
  peerClosed,
} from '@callgate/core/transport';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { encodeFailure, sendControl } from './control.js';
import { HEAD_BYTES, type Head, Kind } from './layout.js';
import type { Identity, LifeWatch } from './life.js';
import { MqLink } from './link.js';
import { Outbox } from './outbox.js';

/** A link that has so much unread takes no more for now, and nor does its endpoint. */
const MOST_BYTES = 32 * 1024;
const MOST_MESSAGES = 64;
/** Conversations to remember that were revoked before they came. */
const MOST_REVOKED = 1024;

/** What a link needs of the endpoint to which the messages of all links come. */
export interface LinkHost {
  readonly native: NativeAddon;
  /** The queue in which the endpoint is reached. */
  readonly box: number;
  /** Looks for what has come, for whichever link: true when something had. */
  pump(): boolean;
  /** Takes all that has come, for whichever link. */
  catchUp(): void;
  /** Blocks until something may have come, for whichever link. */
  sleep(deadline: Deadline): void;
  /** A link waits on the event loop, and keeps the process alive with that or not. */
  hold(link: ServerLink, alive: boolean): void;
  /** A link that was full has room again. */
  resume(): void;
  /** Sends something to a box, now or when there is room, as long as the box is there. */
  sendLater(queue: MessageQueueHandle, kind: number, text: Buffer | undefined, owner?: Identity, serial?: number): void;
  closed(link: ServerLink): Promise<void> | undefined;
}

/** The end of a link that serves: one for each caller that an endpoint has heard of. */
export class ServerLink extends MqLink {
  /** The endpoint's word for it: the caller's box, and the type that finds it there. */
  readonly id: number;
  /** The caller's box; undefined when nobody is to be answered. */
  readonly box: MessageQueueHandle | undefined;
  life: LifeWatch | undefined;
  /** Conversations taken and not ended. */
  readonly taken = new Set<number>();
  readonly #revoked = new Set<number>();
  readonly #host: LinkHost;
  readonly #answerType: number;
  readonly #untold: (() => void)[] = [];
  #about = 0;
  #full = false;

  constructor(
    host: LinkHost,
    direction: Direction,
    id: number,
    box: MessageQueueHandle | undefined,
    answerType: number,
    peer: Peer,
    maxMessageBytes: number,
    partBytes: number,
  ) {
    super(host.native, direction, peer, maxMessageBytes, new Outbox(host.box, partBytes));
    this.#host = host;
    this.id = id;
    this.box = box;
    this.#answerType = answerType;
  }

  /** More is unread than the endpoint takes on for it. */
  get full(): boolean {
    return this.end === undefined && (this.inbox.bytes > MOST_BYTES || this.inbox.length > MOST_MESSAGES);
  }

  get waitsForParts(): boolean {
    return this.inbox.waitsForParts;
  }

  /** See Link.mark. */
  mark(about: number): void {
    this.#about = about;
  }

  /** See Link.forget. */
  forget(about: number): void {
    this.taken.delete(about);
  }

  /** A part that came for this link; from the mailbox or the endpoint's box. */
  take(head: Head, bytes: Buffer, start: number, end: number): void {
    if (this.ended || this.fate !== undefined) return;
    if (head.bytes > this.maxMessageBytes) {
      const error = overLimit(describePeer(this.peer), head.bytes, this.maxMessageBytes);
      this.tell(error);
      this.finish({ by: 'fault', orderly: false, error });
      return;
    }
    const { about } = head;
    if (about !== 0 && head.kind === Kind.DATA) {
      if (this.#revoked.delete(about)) return;
      this.taken.add(about);
    }
    if (head.kind === Kind.REVOKE && !this.taken.has(about)) {
      if (this.#revoked.size >= MOST_REVOKED) this.#revoked.clear();
      this.#revoked.add(about);
      return;
    }
    if (head.kind === Kind.REVOKE) this.taken.delete(about);
    this.inbox.add(head, bytes, start + HEAD_BYTES, end);
    this.#full = this.full;
    if (this.inbox.length > 0) this.reading.settle(true);
  }

  /** The caller has said that it ends, in order or (with an error, perhaps) not. */
  gone(error: RpcError | undefined, orderly: boolean): void {
    const who = describePeer(this.peer);
    const end: LinkEnd =
      orderly || error !== undefined ? peerClosed(who, error) : cutOff(who, this.inbox.waitsForParts, undefined);
    this.lose(end);
  }

  /** Calls back once nothing of what has been taken for this link is left to be received and released. */
  whenReleased(tell: () => void): void {
    this.#untold.push(tell);
    this.#tellReleased();
  }

  #tellReleased(): void {
    if (this.ended || this.inbox.length > 0 || this.inbox.lent || this.inbox.waitsForParts) return;
    for (const tell of this.#untold.splice(0)) tell();
  }

  override release(): void {
    super.release();
    if (this.#untold.length > 0) this.#tellReleased();
    if (this.#full && !this.full) {
      this.#full = false;
      this.#host.resume();
    }
  }

  tell(error: RpcError | undefined): void {
    if (this.box !== undefined) this.#host.sendLater(this.box, Kind.ABORT, encodeFailure(error), this.life?.identity);
  }

  protected readonly asks = false;

  protected address(length: number): boolean {
    const done = this.outbox.commit(length, Kind.DATA, this.#answerType, this.#about, Number.POSITIVE_INFINITY);
    this.#about = 0;
    return done;
  }

  protected get boxed(): boolean {
    return true;
  }

  protected get destination(): MessageQueueHandle | undefined {
    return this.box;
  }

  protected transmit(type: number, bytes: Buffer, start: number, end: number): boolean {
    // Nobody wants an answer.
    if (this.box === undefined) return true;
    return this.#host.native.sendMessage(this.box, type, bytes, start, end, 0);
  }

  protected failed(error: unknown): void {
    if ((error as NodeJS.ErrnoException).code === 'EIDRM') {
      // The queue goes with its owner, who may have said why before.
      this.#host.catchUp();
      if (this.end === undefined && this.fate === undefined) this.gone(undefined, false);
      return;
    }
    const cause = fromErrno(error, `the link with ${describePeer(this.peer)} failed`);
    this.lose({ by: 'fault', orderly: false, error: cause });
  }

  protected pull(): boolean {
    return !this.full && this.#host.pump();
  }

  protected sleep(deadline: Deadline): void {
    this.#host.sleep(deadline);
    this.pull();
    this.checkLife();
  }

  protected arm(): void {
    this.updateRef();
  }

  protected hold(alive: boolean): void {
    this.#host.hold(this, alive);
  }

  protected sayBye(): boolean {
    return (
      this.box === undefined || sendControl(this.#host.native, this.box, this.#answerType, Kind.BYE, this.#host.box)
    );
  }

  protected sayAbort(error: RpcError | undefined): void {
    this.tell(error);
  }

  protected checkLife(): void {
    if (this.life?.alive === false) this.gone(undefined, false);
  }

  protected letGo(): Promise<void> | undefined {
    this.life?.close();
    return this.#host.closed(this);
  }
}
