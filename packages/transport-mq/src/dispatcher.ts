import { Reason, RpcError } from '@callgate/core/errors';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import type { Admission } from './admission.js';
import { decodeFailure, encodeFailure, sendControl } from './control.js';
import { BOXED, emptyHead, expired, HEAD_BYTES, type Head, idOf, Kind, readHead, TYPE_BYTES } from './layout.js';
import type { Identity } from './life.js';
import type { MissingParts } from './missing-parts.js';
import type { PartBuffer } from './part-buffer.js';
import type { Place } from './place.js';
import { readRoster, serversIn } from './roster.js';
import type { ServerLink } from './server-link.js';
import type { Taker } from './taker.js';

/** How many links that have ended to remember. */
const MOST_PAST = 4096;

export interface DispatcherParts {
  readonly native: NativeAddon;
  readonly place: Place;
  readonly mailbox: MessageQueueHandle;
  /** The number of the endpoint's own queue. */
  readonly box: number;
  readonly buffer: PartBuffer;
  readonly links: ReadonlyMap<number, ServerLink>;
  readonly missing: MissingParts;
  readonly admission: Admission;
  readonly taker: () => Taker;
  readonly listening: () => boolean;
  readonly onError: (error: RpcError) => void;
}

/** Gives whatever lies in an endpoint's buffer, from the mailbox or from its own box, to whom it concerns. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #head = emptyHead();
  /** Links that have ended: a caller who connects again has another box. */
  readonly #past = new Set<number>();

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** A part of a message, or garbage, of so many bytes. */
  dispatch(length: number, queue: MessageQueueHandle): void {
    const { buffer, links } = this.#parts;
    const head = this.#head;
    const end = TYPE_BYTES + length;
    if (!readHead(buffer.view, TYPE_BYTES, length, head)) {
      this.#garbage(length, queue);
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
        links.get(idOf(head))?.take(head, buffer.bytes, TYPE_BYTES, end);
        return;
      case Kind.BYE:
        links.get(idOf(head))?.gone(undefined, true);
        return;
      case Kind.ABORT:
        links.get(idOf(head))?.gone(decodeFailure(this.#text(end)), false);
        return;
      case Kind.MARKER:
        this.#answer(head, Kind.PASSED);
        return;
      case Kind.WHICH:
        this.#tellWhich({ ...head });
        return;
      case Kind.TAKEN:
        this.#tellTaken({ ...head });
        return;
      default:
    }
  }

  /** A link has ended: what still comes for it is not a stranger's. */
  remember(id: number): void {
    this.#past.add(id);
    if (this.#past.size > MOST_PAST) for (const oldest of this.#past.keys()) return void this.#past.delete(oldest);
  }

  /** Whether others serve the mailbox as well. */
  get others(): boolean {
    const { place, box: own } = this.#parts;
    return serversIn(readRoster(place)).some(({ box }) => box !== own);
  }

  #garbage(length: number, queue: MessageQueueHandle): void {
    const { native, place, mailbox, onError } = this.#parts;
    const sender = native.messageQueueStatus(queue).lastSender;
    const where = queue === mailbox ? 'the mailbox' : "the server's own queue";
    const words = `${place.url}: a message of ${length} bytes in ${where} is none of Callgate's, and was dropped (process ${sender} sent last)`;
    onError(new RpcError('DATA_LOSS', words, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' }));
  }

  /** `head` is a copy: more may be dispatched before it is answered. */
  #tellWhich(head: Head): void {
    // It may come to the box while what was taken before still lies with the thread that took it.
    this.#parts.taker().takeFromThread();
    const taken = [...(this.#parts.links.get(idOf(head))?.taken ?? [])];
    const text = Buffer.alloc(taken.length * 4);
    for (const [i, about] of taken.entries()) text.writeUInt32LE(about, i * 4);
    this.#answer(head, Kind.HOLDING, text);
  }

  /** As `tellWhich`. */
  #tellTaken(head: Head): void {
    this.#parts.taker().takeFromThread();
    const link = this.#parts.links.get(idOf(head));
    if (link === undefined) this.#answer(head, Kind.PASSED);
    else link.whenReleased(() => this.#answer(head, Kind.PASSED));
  }

  #data(head: Head, end: number): void {
    const { buffer, links, missing } = this.#parts;
    if (expired(head)) {
      missing.drop(head);
      return;
    }
    const id = idOf(head);
    if (this.#past.has(id)) {
      // What was still in the mailbox when the link ended. A link to several servers may live on, and is told.
      if (head.about !== 0) this.#answer({ ...head, serial: head.about }, Kind.ABORT);
      missing.drop(head);
      return;
    }
    const link = links.get(id) ?? this.#stranger(head, id, end - TYPE_BYTES);
    if (link === undefined) {
      missing.drop(head);
      return;
    }
    link.take(head, buffer.bytes, TYPE_BYTES, end);
    if (head.parts > 1) missing.expect(link, head.from, head.serial);
  }

  #open(head: Head, end: number): void {
    if (!this.#takesStrangers(end - TYPE_BYTES)) return;
    let identity: Identity;
    try {
      identity = JSON.parse(this.#text(end)) as Identity;
    } catch {
      return;
    }
    this.#parts.admission.welcome(head, identity);
  }

  /** A message of somebody who has not been heard of here: another taker has welcomed him, or nobody was there to. */
  #stranger(head: Head, id: number, length: number): ServerLink | undefined {
    if (!this.#takesStrangers(length)) return undefined;
    const member = readRoster(this.#parts.place)?.members.find(({ box }) => box === head.from);
    return this.#parts.admission.admit(head, id, member);
  }

  /** Who has stopped listening leaves those that are new to others, if there are any. */
  #takesStrangers(length: number): boolean {
    if (this.#parts.listening()) return true;
    if (!this.others) {
      this.#answer(this.#head, Kind.ABORT, encodeFailure(this.#closedError()));
      return false;
    }
    const taker = this.#parts.taker();
    // Where somebody has filled the mailbox meanwhile, he is served: better here than nowhere.
    if (!taker.putBack(length)) return true;
    taker.stop();
    return false;
  }

  #closedError(): RpcError {
    const words = `${this.#parts.place.url}: the server takes nobody new any more`;
    return new RpcError('UNAVAILABLE', words, { reason: Reason.UNREACHABLE, failed: 'channel' });
  }

  #answer(head: Head, kind: number, text?: Buffer): void {
    const { native, box } = this.#parts;
    const queue = native.attachMessageQueue(head.from);
    try {
      sendControl(native, queue, BOXED, kind, box, head.serial, text);
    } catch {
      // He has gone.
    }
    queue.close();
  }

  #text(end: number): string {
    return this.#parts.buffer.bytes.toString('utf8', TYPE_BYTES + HEAD_BYTES, end);
  }
}
