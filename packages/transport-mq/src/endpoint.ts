import { Reason, RpcError } from '@callgate/core/errors';
import { type Credentials, type Deadline, refusal, turn, turnIsDue } from '@callgate/core/transport';
import { type MessageQueueHandle, type MessageThread, messageQueueLimit, type NativeAddon } from '@callgate/native';
import { decodeFailure, encodeFailure, sendControl } from './control.js';
import { Crowd } from './crowd.js';
import {
  BOXED,
  emptyHead,
  expired,
  HEAD_BYTES,
  type Head,
  Kind,
  LAST,
  readHead,
  restType,
  TYPE_BYTES,
} from './layout.js';
import { type Identity, LifeWatch, lives, ownIdentity, sameThread } from './life.js';
import type { ResolvedMqOptions } from './options.js';
import type { Place } from './place.js';
import { partBytes } from './queues.js';
import { readRoster, serversIn } from './roster.js';
import { type LinkHost, ServerLink } from './server-link.js';

/** How long to look before sleeping: in microseconds at a time, others running in between, and in ms in all. */
const POLL_US = 20;
const LONGEST_POLL_MS = 0.25;
const SHORTEST_POLL_MS = 0.02;
/** How often, in ms, a blocked thread looks after what only the event loop would tell it. */
const SLICE_MS = 5;
const RETRY_MS = 10;
/** How many links that have ended to remember. */
const MOST_PAST = 4096;

export interface EndpointParts {
  readonly native: NativeAddon;
  readonly place: Place;
  readonly options: ResolvedMqOptions;
  readonly mailbox: MessageQueueHandle;
  readonly box: MessageQueueHandle;
  readonly persistent: boolean;
  readonly onLink: (link: ServerLink) => void;
  readonly onError: (error: RpcError) => void;
  readonly leave: () => Promise<void>;
}

interface Later {
  readonly queue: MessageQueueHandle;
  readonly kind: number;
  readonly text: Buffer | undefined;
  /** Whose queue it is, if that is known. */
  readonly owner: Identity | undefined;
}

/** One taker of a mailbox: what comes to it, from the mailbox and to its own box, goes to a link for each caller. */
export class Endpoint implements LinkHost {
  readonly native: NativeAddon;
  readonly box: number;
  readonly #parts: EndpointParts;
  readonly #links = new Map<number, ServerLink>();
  readonly #head = emptyHead();
  readonly #restHead = emptyHead();
  readonly #memory: Buffer;
  readonly #view: DataView;
  readonly #takes: MessageThread;
  readonly #hears: MessageThread;
  /** The thread waits for the mailbox, or has a message of it. */
  #takesNow = false;
  #wake: (() => void) | undefined;
  #listening = true;
  /** Nothing is taken from the mailbox any more. */
  #idle = false;
  #disposed = false;
  #alive = true;
  /** Whether the event loop is kept alive now. */
  #holds = false;
  #pollMs = LONGEST_POLL_MS;
  readonly #crowd = new Crowd();
  readonly #held = new Set<ServerLink>();
  readonly #later: Later[] = [];
  #laterTimer: NodeJS.Timeout | undefined;
  #released: (() => void) | undefined;
  readonly #whenReleased = new Promise<void>((resolve) => {
    this.#released = resolve;
  });

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.native = parts.native;
    this.box = parts.native.messageQueueId(parts.box);
    this.#memory = Buffer.allocUnsafeSlow(TYPE_BYTES + messageQueueLimit('msgmax'));
    this.#view = new DataView(this.#memory.buffer, this.#memory.byteOffset, this.#memory.length);
    this.#takes = parts.native.createMessageThread(() => this.#wakeUp());
    this.#hears = parts.native.createMessageThread(() => this.#hear());
    this.#listenToBox();
    this.#updateRef();
    void this.#run();
  }

  // --- the listener's side -----------------------------------------------------------------------------------------

  get listening(): boolean {
    return this.#listening;
  }

  /** Nobody new from now on. Links live on. */
  stopListening(): void {
    this.#listening = false;
    if (this.#others()) this.#stopTaking();
    this.#updateRef();
    this.#disposeIfDone();
  }

  listenerAlive(alive: boolean): void {
    this.#alive = alive;
    this.#updateRef();
  }

  // --- the links' side ---------------------------------------------------------------------------------------------

  pump(): boolean {
    return this.#disposed ? false : this.#pump(0);
  }

  sleep(deadline: Deadline): void {
    const leftMs = Math.min(SLICE_MS, Math.max(0, deadline - performance.now()));
    this.#hear();
    if (this.#idle || this.#paused) {
      this.#hears.wait(leftMs);
      this.#hear();
      return;
    }
    this.#beginTaking();
    if (this.#takesNow && this.#takes.wait(leftMs)) this.#wakeUp();
  }

  catchUp(): void {
    this.#hear();
    while (!this.#disposed && this.#pump(0)) {
      // All that is there.
    }
  }

  hold(link: ServerLink, alive: boolean): void {
    if (alive) this.#held.add(link);
    else this.#held.delete(link);
    this.#updateRef();
  }

  resume(): void {
    this.#wakeUp();
  }

  sendLater(queue: MessageQueueHandle, kind: number, text: Buffer | undefined, owner?: Identity): void {
    const later = { queue, kind, text, owner };
    if (this.#trySend(later)) return;
    this.#later.push({ ...later, queue: this.native.attachMessageQueue(this.native.messageQueueId(queue)) });
    this.#laterTimer ??= setInterval(() => this.#sendLater(), RETRY_MS);
    this.#laterTimer.unref();
  }

  closed(link: ServerLink): Promise<void> | undefined {
    this.#links.delete(link.id);
    this.#held.delete(link);
    if (link.box !== undefined) this.#remember(link.id);
    link.box?.close();
    this.#updateRef();
    this.#wakeUp();
    this.#disposeIfDone();
    return this.#disposed ? this.#whenReleased : undefined;
  }

  get whenReleased(): Promise<void> | undefined {
    return this.#disposed ? this.#whenReleased : undefined;
  }

  // --- taking ------------------------------------------------------------------------------------------------------

  get #paused(): boolean {
    for (const link of this.#links.values()) if (link.full) return true;
    return false;
  }

  /** Looks into the mailbox on the event loop for as long as that is worth it, and lets a thread wait after that. */
  async #run(): Promise<void> {
    let until = performance.now() + this.#pollMs;
    let looks = true;
    let met = false;
    while (!this.#disposed && !this.#idle) {
      const before = performance.now();
      // Handlers, and what they have set going, come first: a look that lets other processes run would hold them up.
      if (met) await new Promise<void>((resolve) => process.nextTick(resolve));
      if (this.#disposed || this.#idle) break;
      met = this.#pump(looks ? POLL_US : 0);
      if (met) {
        this.#pollMs = Math.min(LONGEST_POLL_MS, this.#pollMs * 2);
        const now = performance.now();
        until = now + this.#pollMs;
        // Handlers run in between.
        if (turnIsDue(now)) await turn();
        else await undefined;
        continue;
      }
      const now = performance.now();
      if (this.#crowd.tooLong(now - before)) looks = false;
      if (looks && now < until && !this.#paused) {
        if (turnIsDue(now)) await turn();
        else await undefined;
        continue;
      }
      await this.#sleepOnLoop();
      const woken = performance.now();
      if (woken - now > LONGEST_POLL_MS) this.#pollMs = Math.max(SHORTEST_POLL_MS, this.#pollMs / 2);
      else this.#pollMs = LONGEST_POLL_MS;
      until = woken + this.#pollMs;
      looks = this.#crowd.looks;
    }
  }

  #sleepOnLoop(): Promise<void> {
    const promise = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (!this.#paused) this.#beginTaking();
    if (this.#missing()) setTimeout(() => this.#wakeUp(), 1);
    return promise;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #beginTaking(): void {
    if (this.#takesNow || this.#disposed || this.#idle) return;
    this.#takesNow = true;
    this.#takes.receive(this.#parts.mailbox, -LAST, this.#memory.length - TYPE_BYTES);
  }

  /** Takes one message from the mailbox, if there is one. */
  #pump(spinUs: number): boolean {
    if (this.#idle || this.#paused) return false;
    let got = -1;
    try {
      // Before anything else: what a caller sends next must not come before what he sent first.
      if (this.#missing() && this.#collectMissing()) return true;
      if (this.#takesNow) {
        got = this.#takes.fetch(this.#memory, TYPE_BYTES, this.#memory.length);
        if (got < 0 && this.#takes.cancel()) got = this.#takes.fetch(this.#memory, TYPE_BYTES, this.#memory.length);
        this.#takesNow = false;
        // Whoever slept on the event loop until the thread has something would sleep for ever.
        this.#wakeUp();
      }
      if (got < 0) {
        const { mailbox } = this.#parts;
        got = this.native.receiveMessage(mailbox, -LAST, this.#memory, TYPE_BYTES, this.#memory.length, spinUs);
      }
      if (got < 0) return false;
    } catch (error) {
      this.#mailboxGone(error);
      return false;
    }
    if (this.#missing()) this.#dispatchInOrder(got);
    else this.#dispatch(got);
    return true;
  }

  /** The rest of an earlier message may have come between the last look and this one. */
  #dispatchInOrder(length: number): void {
    const message = Buffer.from(this.#memory.subarray(0, TYPE_BYTES + length));
    this.#collectMissing();
    message.copy(this.#memory);
    this.#dispatch(length);
  }

  #stopTaking(): void {
    this.#idle = true;
    if (this.#takesNow && this.#takes.cancel()) {
      const got = this.#takes.fetch(this.#memory, TYPE_BYTES, this.#memory.length);
      if (got >= 0) this.#putBack(got);
    }
    this.#takesNow = false;
    this.#wakeUp();
  }

  /** It was meant for another taker. */
  #putBack(length: number): void {
    const type = Number(this.#memory.readBigInt64LE(0));
    this.native.sendMessage(this.#parts.mailbox, type, this.#memory, TYPE_BYTES, TYPE_BYTES + length, 0);
  }

  // --- what comes --------------------------------------------------------------------------------------------------

  #listenToBox(): void {
    if (!this.#disposed) this.#hears.receive(this.#parts.box, 0, this.#memory.length - TYPE_BYTES);
  }

  /** What has come to the own box. */
  #hear(): void {
    if (this.#disposed) return;
    let got = this.#hears.fetch(this.#memory, TYPE_BYTES, this.#memory.length);
    if (got < 0) return;
    while (got >= 0 && !this.#disposed) {
      this.#dispatch(got);
      if (this.#disposed) return;
      got = this.native.receiveMessage(this.#parts.box, 0, this.#memory, TYPE_BYTES, this.#memory.length, 0);
    }
    this.#listenToBox();
  }

  /** Whatever lies in memory: a part of a message, or garbage. */
  #dispatch(length: number): void {
    const head = this.#head;
    const end = TYPE_BYTES + length;
    if (!readHead(this.#view, TYPE_BYTES, length, head)) {
      const sender = this.native.messageQueueStatus(this.#parts.mailbox).lastSender;
      const words = `${this.#parts.place.url}: a message of ${length} bytes in the mailbox is none of Callgate's, and was dropped (process ${sender} sent last)`;
      this.#parts.onError(new RpcError('DATA_LOSS', words, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' }));
      return;
    }
    switch (head.kind) {
      case Kind.OPEN:
        this.#open(head, end);
        return;
      case Kind.DATA:
      case Kind.REVOKE:
        this.#data(head, end);
        return;
      case Kind.REST:
        this.#links.get(idOf(head))?.take(head, this.#memory, TYPE_BYTES, end);
        return;
      case Kind.BYE:
        this.#links.get(idOf(head))?.gone(undefined, true);
        return;
      case Kind.ABORT:
        this.#links
          .get(idOf(head))
          ?.gone(decodeFailure(this.#memory.toString('utf8', TYPE_BYTES + HEAD_BYTES, end)), false);
        return;
      case Kind.MARKER:
        this.#answer(head, Kind.PASSED);
        return;
      case Kind.WHICH: {
        const taken = [...(this.#links.get(idOf(head))?.taken ?? [])];
        const text = Buffer.alloc(taken.length * 4);
        for (const [i, about] of taken.entries()) text.writeUInt32LE(about, i * 4);
        this.#answer(head, Kind.HOLDING, text);
        return;
      }
      default:
    }
  }

  #answer(head: Head, kind: number, text?: Buffer): void {
    const queue = this.native.attachMessageQueue(head.from);
    try {
      sendControl(this.native, queue, BOXED, kind, this.box, head.serial, text);
    } catch {
      // He has gone.
    }
    queue.close();
  }

  /** Links that have ended: a caller who connects again has another box. */
  readonly #past = new Set<number>();

  #remember(id: number): void {
    this.#past.add(id);
    if (this.#past.size > MOST_PAST) for (const oldest of this.#past.keys()) return void this.#past.delete(oldest);
  }

  #data(head: Head, end: number): void {
    if (expired(head)) {
      this.#dropRest(head);
      return;
    }
    const id = idOf(head);
    if (this.#past.has(id)) {
      // What was still in the mailbox when the link ended. A link to several servers may live on, and is told.
      if (head.about !== 0) this.#answer({ ...head, serial: head.about }, Kind.ABORT);
      this.#dropRest(head);
      return;
    }
    const link = this.#links.get(id) ?? this.#stranger(head, id, end - TYPE_BYTES);
    if (link === undefined) {
      this.#dropRest(head);
      return;
    }
    link.take(head, this.#memory, TYPE_BYTES, end);
    if (head.parts > 1) this.#collect(link, head.from, head.serial);
  }

  /** Messages of which parts are missing, by link: [sender, number]. */
  readonly #incomplete = new Map<ServerLink, [number, number][]>();

  /** The parts of a message from the mailbox that have come; those that have not are asked for again later. */
  #collect(link: ServerLink, from: number, serial: number): void {
    const list = this.#incomplete.get(link) ?? [];
    list.push([from, serial]);
    this.#incomplete.set(link, list);
    this.#collectMissing();
  }

  #missing(): boolean {
    return this.#incomplete.size > 0;
  }

  #collectMissing(): boolean {
    let any = false;
    for (const [link, list] of this.#incomplete) {
      if (link.ended || !link.waitsForParts) {
        this.#incomplete.delete(link);
        continue;
      }
      for (const [from, serial] of list) any = this.#collectRest(link, from, serial) || any;
      if (!link.waitsForParts) this.#incomplete.delete(link);
    }
    return any;
  }

  #collectRest(link: ServerLink, from: number, serial: number): boolean {
    const { mailbox } = this.#parts;
    const type = restType(from, serial);
    let any = false;
    for (;;) {
      const got = this.native.receiveMessage(mailbox, type, this.#memory, TYPE_BYTES, this.#memory.length, 0);
      if (got < 0) return any;
      any = true;
      const head = this.#restHead;
      if (readHead(this.#view, TYPE_BYTES, got, head)) link.take(head, this.#memory, TYPE_BYTES, TYPE_BYTES + got);
    }
  }

  #dropRest(head: Head): void {
    if (head.parts === 1) return;
    const { mailbox } = this.#parts;
    const type = restType(head.from, head.serial);
    for (let part = 1; part < head.parts; part++) {
      if (this.native.receiveMessage(mailbox, type, this.#memory, TYPE_BYTES, this.#memory.length, 0) < 0) return;
    }
  }

  // --- who comes ---------------------------------------------------------------------------------------------------

  #open(head: Head, end: number): void {
    if (!this.#takesStrangers(end - TYPE_BYTES)) return;
    let identity: Identity;
    try {
      identity = JSON.parse(this.#memory.toString('utf8', TYPE_BYTES + HEAD_BYTES, end)) as Identity;
    } catch {
      return;
    }
    const link = this.#admit(head, idOf(head), identity);
    if (link?.box !== undefined) this.sendLater(link.box, Kind.WELCOME, undefined);
  }

  /** A message of somebody who has not been heard of here: another taker has welcomed him, or nobody was there to. */
  #stranger(head: Head, id: number, length: number): ServerLink | undefined {
    if (!this.#takesStrangers(length)) return undefined;
    const member = readRoster(this.#parts.place)?.members.find(({ box }) => box === head.from);
    return this.#admit(head, id, member);
  }

  /** Who has stopped listening leaves those that are new to others, if there are any. */
  #takesStrangers(length: number): boolean {
    if (this.#listening) return true;
    if (this.#others()) {
      this.#putBack(length);
      this.#stopTaking();
    } else {
      this.#answer(this.#head, Kind.ABORT, encodeFailure(this.#closedError()));
    }
    return false;
  }

  #closedError(): RpcError {
    const words = `${this.#parts.place.url}: the server takes nobody new any more`;
    return new RpcError('UNAVAILABLE', words, { reason: Reason.UNREACHABLE, failed: 'channel' });
  }

  #others(): boolean {
    const own = this.box;
    return serversIn(readRoster(this.#parts.place)).some(({ box }) => box !== own);
  }

  /** Makes a link for a caller, unless he is gone or refused. */
  #admit(head: Head, id: number, identity: Identity | undefined): ServerLink | undefined {
    const { options, place, onLink, onError } = this.#parts;
    const box = this.native.attachMessageQueue(head.from);
    let credentials: Credentials | undefined;
    let bytes = 1;
    try {
      const { creatorUid: uid, creatorGid: gid, lastSender, key } = this.native.messageQueueStatus(box);
      // Until he is answered, nobody but himself has sent anything to a box of his own.
      if (key === 0) credentials = Object.freeze({ pid: lastSender, uid, gid });
      bytes = partBytes(this.native, box);
    } catch {
      box.close();
      return this.#absent(head);
    }
    if (identity !== undefined && !lives(identity)) {
      box.close();
      return this.#absent(head);
    }
    const refused =
      credentials === undefined
        ? options.allow === undefined
          ? undefined
          : this.#unknown()
        : refusal(options.allow, credentials, place.url);
    if (refused !== undefined) {
      this.sendLater(box, Kind.ABORT, encodeFailure(refused));
      box.close();
      onError(refused);
      return undefined;
    }
    const peer = { address: place.url, ...(credentials === undefined ? {} : { credentials }) };
    const { from } = head;
    const link = new ServerLink(this, id, box, head.answerType, peer, options.maxMessageBytes, bytes);
    this.#links.set(id, link);
    if (identity !== undefined && !sameThread(identity, ownIdentity())) {
      link.life = new LifeWatch(this.native, identity, () => this.#callerDied(link, from));
    }
    onLink(link);
    return link;
  }

  /** What somebody sent who is gone now: kept for this moment when the mailbox is persistent and no answer is expected. */
  #absent(head: Head): ServerLink | undefined {
    const { persistent, options, place, onLink, onError } = this.#parts;
    if (head.kind !== Kind.DATA || head.about !== 0) return undefined;
    if (options.allow !== undefined) {
      onError(this.#unknown());
      return undefined;
    }
    if (!persistent) return undefined;
    const known = this.#links.get(ABSENT);
    if (known !== undefined) return known;
    const link = new ServerLink(this, ABSENT, undefined, BOXED, { address: place.url }, options.maxMessageBytes, 1024);
    this.#links.set(ABSENT, link);
    onLink(link);
    return link;
  }

  #unknown(): RpcError {
    const words = `${this.#parts.place.url}: a message was dropped, since nobody can tell who sent it and "allow" says who may`;
    return new RpcError('PERMISSION_DENIED', words, { reason: Reason.NOT_ALLOWED, failed: 'channel' });
  }

  /** What a caller put into the mailbox before he died still counts. */
  #callerDied(link: ServerLink, from: number): void {
    this.catchUp();
    link.gone(undefined, false);
    if (link.end !== undefined || !link.waitsForParts) this.#removeBox(from);
  }

  /** Only its owner would have removed it. */
  #removeBox(id: number): void {
    const queue = this.native.attachMessageQueue(id);
    try {
      if (this.native.messageQueueStatus(queue).key === 0) this.native.removeMessageQueue(queue);
    } catch {
      // Gone already, or another user's.
    }
    queue.close();
  }

  // --- the rest ----------------------------------------------------------------------------------------------------

  #trySend({ queue, kind, text }: Later): boolean {
    try {
      return sendControl(this.native, queue, BOXED, kind, this.box, 0, text);
    } catch {
      return true;
    }
  }

  #sendLater(): void {
    for (let i = this.#later.length; i-- > 0; ) {
      const later = this.#later[i]!;
      const dead = later.owner !== undefined && !lives(later.owner);
      if (dead) this.#removeBox(this.native.messageQueueId(later.queue));
      else if (!this.#trySend(later)) continue;
      later.queue.close();
      this.#later.splice(i, 1);
    }
    if (this.#later.length > 0) return;
    clearInterval(this.#laterTimer);
    this.#laterTimer = undefined;
    this.#disposeIfDone();
  }

  #mailboxGone(error: unknown): void {
    if (this.#idle || this.#disposed) return;
    this.#idle = true;
    const { place, onError } = this.#parts;
    const words = `${place.url}: the mailbox can't be used any more; was it removed (ipcrm)? ${(error as Error).message}`;
    const failure = new RpcError('UNAVAILABLE', words, { reason: Reason.UNREACHABLE, failed: 'channel', cause: error });
    onError(failure);
    for (const link of [...this.#links.values()]) link.abort(failure);
  }

  #updateRef(): void {
    if (this.#disposed) return;
    const alive = (this.#listening && this.#alive) || this.#held.size > 0;
    // Asked for by every wait of every link, and hardly ever another.
    if (alive === this.#holds) return;
    this.#holds = alive;
    if (alive) this.#hears.ref();
    else this.#hears.unref();
  }

  #disposeIfDone(): void {
    if (this.#disposed || this.#listening || this.#links.size > 0 || this.#later.length > 0) return;
    this.#disposed = true;
    this.#wakeUp();
    if (this.#takesNow) this.#stopTaking();
    this.#takes.close();
    this.#hears.close();
    clearInterval(this.#laterTimer);
    this.#parts.box.close();
    this.#parts.mailbox.close();
    void this.#parts.leave().then(this.#released);
  }
}

/** The link of messages whose senders are gone. */
const ABSENT = -1;

function idOf(head: Head): number {
  return head.from + head.answerType * 2 ** 32;
}
