import { Reason, RpcError } from '@callgate/core/errors';
import type { Deadline } from '@callgate/core/transport';
import type { MessageQueueHandle, MessageThread, NativeAddon } from '@callgate/native';
import { Admission } from './admission.js';
import { Dispatcher } from './dispatcher.js';
import { LaterSends } from './later-sends.js';
import type { Identity } from './life.js';
import { MissingParts } from './missing-parts.js';
import type { ResolvedMqOptions } from './options.js';
import { PartBuffer } from './part-buffer.js';
import type { Place } from './place.js';
import { removeQueue } from './roster.js';
import type { LinkHost, ServerLink } from './server-link.js';
import { Taker } from './taker.js';

/** How often, in ms, a blocked thread looks after what only the event loop would tell it. */
const SLICE_MS = 5;

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

/**
 * One taker of a mailbox: what comes to it, from the mailbox (taker.ts) and to its own box, goes to a link for each
 * caller (dispatcher.ts, admission.ts).
 */
export class Endpoint implements LinkHost {
  readonly native: NativeAddon;
  readonly box: number;
  readonly #parts: EndpointParts;
  readonly #links = new Map<number, ServerLink>();
  readonly #buffer: PartBuffer;
  readonly #dispatcher: Dispatcher;
  readonly #taker: Taker;
  /** Waits for the own box. */
  readonly #hears: MessageThread;
  readonly #later: LaterSends;
  readonly #held = new Set<ServerLink>();
  #listening = true;
  #disposed = false;
  #alive = true;
  /** Whether the event loop is kept alive now. */
  #holds = false;
  #released: (() => void) | undefined;
  readonly #whenReleased = new Promise<void>((resolve) => {
    this.#released = resolve;
  });

  constructor(parts: EndpointParts) {
    const { native, mailbox } = parts;
    this.#parts = parts;
    this.native = native;
    this.box = native.messageQueueId(parts.box);
    this.#buffer = new PartBuffer(native);
    this.#later = new LaterSends(native, this.box, () => this.#disposeIfDone());
    const missing = new MissingParts(mailbox, this.#buffer);
    const died = (link: ServerLink, from: number): void => this.#callerDied(link, from);
    this.#dispatcher = new Dispatcher({
      ...parts,
      box: this.box,
      buffer: this.#buffer,
      links: this.#links,
      missing,
      admission: new Admission({ ...parts, links: this.#links, host: this, died }),
      taker: () => this.#taker,
      listening: () => this.#listening,
    });
    this.#taker = new Taker(native, mailbox, this.#buffer, missing, {
      paused: () => this.#paused,
      took: (length) => {
        if (!this.#disposed) this.#dispatcher.dispatch(length, mailbox);
      },
      gone: (error) => this.#mailboxGone(error),
    });
    this.#hears = native.createMessageThread(() => this.#hear());
    this.#listenToBox();
    this.#updateRef();
    void this.#taker.run();
  }

  // --- the listener's side -----------------------------------------------------------------------------------------

  /** Nobody new from now on. Links live on. */
  stopListening(): void {
    this.#listening = false;
    if (this.#dispatcher.others) this.#taker.stop();
    this.#updateRef();
    this.#disposeIfDone();
  }

  listenerAlive(alive: boolean): void {
    this.#alive = alive;
    this.#updateRef();
  }

  get whenReleased(): Promise<void> | undefined {
    return this.#disposed ? this.#whenReleased : undefined;
  }

  // --- the links' side ---------------------------------------------------------------------------------------------

  pump(): boolean {
    return this.#disposed ? false : this.#taker.pump(0);
  }

  catchUp(): void {
    this.#hear();
    while (!this.#disposed && this.#taker.pump(0)) {
      // All that is there.
    }
  }

  sleep(deadline: Deadline): void {
    const leftMs = Math.min(SLICE_MS, Math.max(0, deadline - performance.now()));
    this.#hear();
    if (this.#disposed) return;
    if (this.#taker.stopped || this.#paused) {
      this.#hears.wait(leftMs);
      this.#hear();
    } else {
      this.#taker.wait(leftMs);
    }
  }

  hold(link: ServerLink, alive: boolean): void {
    if (alive) this.#held.add(link);
    else this.#held.delete(link);
    this.#updateRef();
  }

  resume(): void {
    this.#taker.wakeUp();
  }

  sendLater(
    queue: MessageQueueHandle,
    kind: number,
    text: Buffer | undefined,
    owner?: Identity,
    serial?: number,
  ): void {
    this.#later.send(queue, kind, text, owner, serial);
  }

  closed(link: ServerLink): Promise<void> | undefined {
    this.#links.delete(link.id);
    this.#held.delete(link);
    if (link.box !== undefined) this.#dispatcher.remember(link.id);
    link.box?.close();
    this.#updateRef();
    this.#taker.wakeUp();
    this.#disposeIfDone();
    return this.#disposed ? this.#whenReleased : undefined;
  }

  get #paused(): boolean {
    for (const link of this.#links.values()) if (link.full) return true;
    return false;
  }

  // --- the own box -------------------------------------------------------------------------------------------------

  #listenToBox(): void {
    if (!this.#disposed) this.#hears.receive(this.#parts.box, 0, this.#buffer.textBytes);
  }

  /** What has come to it. */
  #hear(): void {
    if (this.#disposed) return;
    let got = this.#buffer.fetch(this.#hears);
    if (got < 0) return;
    while (got >= 0 && !this.#disposed) {
      this.#dispatcher.dispatch(got, this.#parts.box);
      if (this.#disposed) return;
      got = this.#buffer.receive(this.#parts.box, 0);
    }
    this.#listenToBox();
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** What a caller put into the mailbox before he died still counts. */
  #callerDied(link: ServerLink, from: number): void {
    this.catchUp();
    link.gone(undefined, false);
    // Only its owner would have removed it.
    if (link.end !== undefined || !link.waitsForParts) removeQueue(this.native, from);
  }

  #mailboxGone(error: unknown): void {
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
    if (this.#disposed || this.#listening || this.#links.size > 0 || this.#later.any) return;
    this.#disposed = true;
    this.#taker.close();
    this.#hears.close();
    this.#parts.box.close();
    this.#parts.mailbox.close();
    void this.#parts.leave().then(this.#released);
  }
}
