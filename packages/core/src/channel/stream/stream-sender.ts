import { handlesIn, hasHandleFields, type MessageInit, type MessageType } from '../../codec/index.js';
import { closeAll } from '../../transport/handle.js';
import { turn, turnIsDue } from '../../transport/turn.js';
import type { Channel } from '../channel.js';
import { Kind, NO_DEADLINE } from '../envelope.js';
import type { Deferred } from '../outbox.js';
import { EMPTY_PAYLOAD } from '../payloads.js';
import { type OpenSource, Pulled } from './sources.js';
import { SendWindow, type StreamWindow } from './window.js';

/** Messages that one stream sends before it lets others come between. */
const BURST = 128;

/** Why a stream goes no further for now. */
export const Step = {
  /** It could: the burst is over. */
  MORE: 0,
  /** The reader has to read first. */
  CREDIT: 1,
  /** The source has nothing yet. */
  SOURCE: 2,
  /** The link is full. */
  ROOM: 3,
  /** All is sent. */
  DONE: 4,
  /** The source failed, or gave what can't be sent: see `error` and `unsendable`. */
  FAILED: 5,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

/** The sending end of a stream: takes messages from a source as long as there is credit, and sends them. */
export class StreamSender {
  readonly source: OpenSource;
  /** Why it failed: what the source threw, or (`unsendable`) why its message could not be sent. */
  error: unknown;
  unsendable = false;
  /** To be sent in front of the first message. Called once, and never when there is none. */
  beforeFirst: (() => void) | undefined;
  readonly #channel: Channel;
  readonly #kind: number;
  readonly #callId: number;
  readonly #type: MessageType<unknown>;
  readonly #window: SendWindow;
  /** A message was taken from the source, and is not sent yet. */
  #held = false;

  constructor(
    channel: Channel,
    kind: number,
    callId: number,
    type: MessageType<unknown>,
    source: OpenSource,
    window: StreamWindow,
  ) {
    this.#channel = channel;
    this.#kind = kind;
    this.#callId = callId;
    this.#type = type;
    this.source = source;
    this.#window = new SendWindow(window);
    if (hasHandleFields(type.schema)) source.onDrop = (item) => closeAll(handlesIn(item));
  }

  /** Sends what can be sent without waiting, at most `most` messages. */
  advance(most: number): Step {
    const channel = this.#channel;
    const { source } = this;
    for (let sent = 0; sent < most; sent++) {
      if (!this.#held) {
        if (!this.#window.open) return Step.CREDIT;
        const pulled = source.pull();
        if (pulled === Pulled.NOTHING) return Step.SOURCE;
        if (pulled === Pulled.DONE) return Step.DONE;
        if (pulled === Pulled.FAILED) {
          this.error = source.error;
          return Step.FAILED;
        }
        this.#held = true;
        if (this.beforeFirst !== undefined && !this.#introduce()) return Step.ROOM;
      }
      // Who looks after the call hears of the end by itself.
      if (channel.ended) return Step.CREDIT;
      try {
        const item = source.item as MessageInit<unknown>;
        if (!channel.trySend(this.#kind, 0, 0, this.#callId, 0, NO_DEADLINE, this.#type, item)) return Step.ROOM;
      } catch (error) {
        if (channel.ended) return Step.CREDIT;
        this.error = error;
        this.unsendable = true;
        return Step.FAILED;
      }
      this.#held = false;
      this.#window.spend(channel.sentBytes);
    }
    return Step.MORE;
  }

  /** False when what goes before has to wait for room. */
  #introduce(): boolean {
    this.beforeFirst?.();
    this.beforeFirst = undefined;
    return this.#channel.outbox.length === 0;
  }

  /** There is credit, or a message that has it already. */
  get mayGoOn(): boolean {
    return this.#held || this.#window.open;
  }

  /** Ends the source early, as `OpenSource.stop`; what was taken from it, and is not sent, nobody else will close. */
  stop(): Promise<void> | undefined {
    if (this.#held) this.source.onDrop(this.source.item);
    this.#held = false;
    return this.source.stop();
  }

  /** Bytes of room that the message needs for which there was none. */
  get heldBytes(): number {
    return this.#channel.measure(this.#type, this.source.item as MessageInit<unknown>);
  }

  /** False when that is more than was ever sent. */
  grant(messages: number, bytes: number): boolean {
    return this.#window.grant(messages, bytes);
  }
}

/** Says that the caller's stream is complete; false when the link is full now. */
export function trySendRequestEnd(channel: Channel, callId: number): boolean {
  if (channel.ended) return true;
  return channel.trySend(Kind.REQUEST_END, 0, 0, callId, 0, NO_DEADLINE, EMPTY_PAYLOAD, undefined);
}

/** How a pump ends by itself. */
export type PumpEnd = (step: typeof Step.DONE | typeof Step.FAILED) => void;

/** Keeps a sender going from the event loop. */
export class StreamPump {
  readonly sender: StreamSender;
  readonly #channel: Channel;
  readonly #onEnd: PumpEnd;
  /** The place of this stream among those that wait for room: one, however much it has to send. */
  readonly #deferred: Deferred;
  #running = false;
  /** A run is due in a microtask or a turn. */
  #queued = false;
  #over = false;
  readonly #run = (): void => {
    this.#queued = false;
    this.run();
  };

  constructor(channel: Channel, sender: StreamSender, onEnd: PumpEnd) {
    this.#channel = channel;
    this.sender = sender;
    this.#onEnd = onEnd;
    this.#deferred = {
      get bytes() {
        return sender.heldBytes;
      },
      attempt: () => this.#attempt(),
    };
    sender.source.onReady = () => this.run();
  }

  start(): void {
    this.sender.source.start();
    this.run();
  }

  /** Goes on, if it may. */
  run(): void {
    // A source may call this while it is pulled from, and a run that is due will find what there is.
    if (this.#over || this.#running || this.#queued) return;
    if (this.#channel.outbox.length > 0) this.#channel.outbox.add(this.#deferred);
    else this.#took(this.#advance(BURST));
  }

  /** The source is not asked any more. Gives what stopping it takes; see `OpenSource.stop`. */
  stop(): Promise<void> | undefined {
    this.#over = true;
    this.#channel.outbox.remove(this.#deferred);
    return this.sender.stop();
  }

  #advance(most: number): Step {
    this.#running = true;
    const step = this.sender.advance(most);
    this.#running = false;
    return step;
  }

  /** One message, when the turn has come: others wait for room as well. */
  #attempt(): boolean {
    if (this.#over) return true;
    const step = this.#advance(1);
    if (step === Step.ROOM) return false;
    this.#took(step);
    return true;
  }

  #took(step: Step): void {
    if (this.#over) return;
    const channel = this.#channel;
    switch (step) {
      case Step.MORE:
        this.#queued = true;
        if (turnIsDue(performance.now())) {
          channel.link.flush();
          void turn().then(this.#run);
        } else queueMicrotask(this.#run);
        return;
      case Step.ROOM:
        channel.outbox.add(this.#deferred);
        return;
      case Step.DONE:
      case Step.FAILED:
        this.#over = true;
        this.#onEnd(step);
        channel.queueFlush();
        return;
      default:
        channel.queueFlush();
    }
  }
}
