import { Reason, RpcError } from '@callgate/core/errors';
import { type Credentials, refusal } from '@callgate/core/transport';
import type { NativeAddon } from '@callgate/native';
import { encodeFailure } from './control.js';
import { BOXED, type Head, idOf, Kind } from './layout.js';
import { type Identity, LifeWatch, lives, ownIdentity, sameThread } from './life.js';
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
    const { native, options, place, host, links, onLink, onError, died } = this.#parts;
    const box = native.attachMessageQueue(head.from);
    let credentials: Credentials | undefined;
    let bytes = 1;
    try {
      const { creatorUid: uid, creatorGid: gid, lastSender, key } = native.messageQueueStatus(box);
      // Until he is answered, nobody but himself has sent anything to a box of his own.
      if (key === 0) credentials = Object.freeze({ pid: lastSender, uid, gid });
      bytes = partBytes(native, box);
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
      host.sendLater(box, Kind.ABORT, encodeFailure(refused));
      box.close();
      onError(refused);
      return undefined;
    }
    const peer = { address: place.url, ...(credentials === undefined ? {} : { credentials }) };
    const { from } = head;
    const link = new ServerLink(host, id, box, head.answerType, peer, options.maxMessageBytes, bytes);
    links.set(id, link);
    if (identity !== undefined && !sameThread(identity, ownIdentity())) {
      link.life = new LifeWatch(native, identity, () => died(link, from));
    }
    onLink(link);
    return link;
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
    const link = new ServerLink(host, ABSENT, undefined, BOXED, { address: place.url }, options.maxMessageBytes, 1024);
    links.set(ABSENT, link);
    onLink(link);
    return link;
  }

  #unknown(): RpcError {
    const words = `${this.#parts.place.url}: a message was dropped, since nobody can tell who sent it and "allow" says who may`;
    return new RpcError('PERMISSION_DENIED', words, { reason: Reason.NOT_ALLOWED, failed: 'channel' });
  }
}
