import { Reason, RpcError } from '@callgate/core/errors';
import { type Credentials, directionMismatch, refusal } from '@callgate/core/transport';
import type { MessageQueueHandle, NativeAddon } from '@callgate/native';
import { encodeFailure } from './control.js';
import { BOXED, type Head, idOf, Kind } from './layout.js';
import { type Identity, LifeWatch, lives, ownIdentity, processOf, sameThread } from './life.js';
import type { ResolvedMqOptions } from './options.js';
import type { Place } from './place.js';
import { partBytes } from './queues.js';
import { type LinkHost, ServerLink } from './server-link.js';

/** The link of messages whose senders are gone. */
const ABSENT = -1;

export interface AdmissionParts {
  readonly native: NativeAddon;
  readonly place: Place;
  readonly options: ResolvedMqOptions;
  readonly persistent: boolean;
  readonly onLink: (link: ServerLink) => void;
  readonly onError: (error: RpcError) => void;
  /** The links that there are, by id; who is admitted is added. */
  readonly links: Map<number, ServerLink>;
  readonly host: LinkHost;
  /** The caller of a link has died; `from` was his box. */
  readonly died: (link: ServerLink, from: number) => void;
}

/** Decides who gets a link, by whose box he is reached in. */
export class Admission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Admits a caller who looks for a server, and says so to him. */
  welcome(head: Head, identity: Identity): void {
    const link = this.admit(head, idOf(head), identity);
    if (link?.box !== undefined) this.#parts.host.sendLater(link.box, Kind.WELCOME, undefined);
  }

  /** Makes a link for a caller, unless he is gone or refused. */
  admit(head: Head, id: number, identity: Identity | undefined): ServerLink | undefined {
    const { native, options, place, host, links, onLink, died } = this.#parts;
    const box = native.attachMessageQueue(head.from);
    let credentials: Credentials | undefined;
    let bytes = 1;
    try {
      const { creatorUid: uid, creatorGid: gid, lastReceiver, key } = native.messageQueueStatus(box);
      // Only its owner receives from a box of his own; who has sent to it last may be any server.
      if (key === 0) credentials = Object.freeze({ pid: processOf(lastReceiver), uid, gid });
      bytes = partBytes(native, box);
    } catch {
      box.close();
      return this.#absent(head);
    }
    if (identity !== undefined && !lives(identity)) {
      box.close();
      return this.#absent(head);
    }
    if (options.direction === 'receive' && !head.sendsOnly) {
      const mismatch = directionMismatch(place.url, 'duplex', 'receive');
      this.#refuse(head, box, mismatch);
      return undefined;
    }
    const refused =
      credentials === undefined
        ? options.allow === undefined
          ? undefined
          : this.#unknown()
        : refusal(options.allow, credentials, place.url);
    if (refused !== undefined) {
      this.#refuse(head, box, refused);
      return undefined;
    }
    const peer = { address: place.url, ...(credentials === undefined ? {} : { credentials }) };
    const { from } = head;
    const link = new ServerLink(
      host,
      head.sendsOnly ? 'receive' : options.direction,
      id,
      box,
      head.answerType,
      peer,
      options.maxMessageBytes,
      bytes,
    );
    links.set(id, link);
    if (identity !== undefined && !sameThread(identity, ownIdentity())) {
      link.life = new LifeWatch(native, identity, () => died(link, from));
    }
    onLink(link);
    return link;
  }

  /** Tells a caller why he gets no link here; where he asked something of it, of that call. */
  #refuse(head: Head, box: MessageQueueHandle, error: RpcError): void {
    this.#parts.host.sendLater(box, Kind.ABORT, encodeFailure(error), undefined, head.about);
    box.close();
    this.#parts.onError(error);
  }

  /** What somebody sent who is gone now: kept for this moment when the mailbox is persistent and no answer is expected. */
  #absent(head: Head): ServerLink | undefined {
    const { persistent, options, place, host, links, onLink, onError } = this.#parts;
    if (head.kind !== Kind.DATA || head.about !== 0) return undefined;
    if (options.allow !== undefined) {
      onError(this.#unknown());
      return undefined;
    }
    if (!persistent) return undefined;
    const known = links.get(ABSENT);
    if (known !== undefined) return known;
    const link = new ServerLink(
      host,
      options.direction,
      ABSENT,
      undefined,
      BOXED,
      { address: place.url },
      options.maxMessageBytes,
      1024,
    );
    links.set(ABSENT, link);
    onLink(link);
    return link;
  }

  #unknown(): RpcError {
    const words = `${this.#parts.place.url}: a message was dropped, since nobody can tell who sent it and "allow" says who may`;
    return new RpcError('PERMISSION_DENIED', words, { reason: Reason.NOT_ALLOWED, failed: 'channel' });
  }
}
