/**
 * The transport contract. A transport makes links; a link moves messages (bytes whose boundaries are kept, plus, where
 * the mechanism allows, handles) and knows nothing of calls.
 *
 * Names: `try…` never waits, `wait…` blocks the thread, `when…` returns a promise. Full, empty and end are values;
 * exceptions are faults. Times are absolute: milliseconds of `performance.now()` of the calling thread; `Infinity` is
 * never, and any instant in the past is "do not wait".
 */
import type { RpcError } from '../errors/index.js';
import type { Blocks } from './blocks.js';
import type { Notification } from './notification.js';
import type { AllowRule, Peer } from './peer.js';

export type { Blocks, Lent } from './blocks.js';
export type { AllowRule, Credentials, Peer, PeerCertificate } from './peer.js';

/** Which way messages go, as one end sees it: a link that is `send` at one end is `receive` at the other. */
export type Direction = 'send' | 'receive' | 'duplex';
export type Mode = 'sync' | 'async';

/** An absolute instant in milliseconds of `performance.now()`; `Infinity` for never. */
export type Deadline = number;

/** What a transport can do, as plain data, stated before any link exists. */
export interface Capabilities {
  /** Directions in which a link can be opened, as the connecting side sees it; a listener opens the opposite. */
  readonly directions: readonly Direction[];
  /**
   * `exact`: every message once and in order. `lossy`: may be lost, doubled or reordered, but comes whole, and only on
   * the link on which it was sent; such a link belongs to one life of each side, and ends when either begins another.
   * `coalesced`: equal ones may merge while they wait; links are those of notifications (`NotificationLink`).
   */
  readonly delivery: 'exact' | 'lossy' | 'coalesced';
  /** Bytes of the largest message that any link of this transport can be configured to carry. */
  readonly maxMessageBytes: number;
  /** Open file descriptors that can travel with one message, at most; 0: none, and `commit` refuses them. */
  readonly handlesPerMessage: number;
  /** Links can block a thread (mode `sync`). */
  readonly blocking: boolean;
  /** Received spans are the link's own memory, which the peer could still change. */
  readonly loans: boolean;
  /** An unexpected end of the peer is noticed without sending to it. */
  readonly peerDeath: boolean;
  /** Peer credentials come from the kernel. */
  readonly credentials: boolean;
  /** The mechanism can damage data, so checksums are on by default. */
  readonly damages: boolean;
  /** Names one peer, or an address that many share. */
  readonly addressing: 'direct' | 'mailbox';
  /**
   * How a channel over a duplex link begins. `exchanged`: each side first says what it offers and how much it takes.
   * `none`: the first message is a call already. A link that goes one way can't exchange anything, whatever this says.
   */
  readonly greeting: 'exchanged' | 'none';
  /** A link that only sends knows when the receiver has taken what was sent: it has `waitTaken`. */
  readonly confirms: boolean;
}

/**
 * An open file descriptor that has one owner, who closes it. Giving one to `commit` makes the link its owner; what
 * `takeHandles` gives is its taker's. See `handleOf`; the native addon's `Fd` is one too.
 */
export interface Handle {
  /** The number, for `fs.readSync` and the like; -1 once closed, detached or given away. */
  readonly value: number;
  /** Idempotent. */
  close(): void;
  /** Gives the number away, -1 if there is none: who calls this closes it, or hands it on (`new Socket({ fd })`). */
  detach(): number;
  [Symbol.dispose](): void;
}

/**
 * A stretch of the link's memory: `bytes[start, end)`. A link hands out the same Span object over and over: read its
 * fields at once, and do not keep it beyond `commit`, `abandon` or `release`.
 */
export interface Span {
  /** The whole memory of which this is a part. Nothing outside `[start, end)` may be touched. */
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** Why a link ended. */
export interface LinkEnd {
  /** `local`: this side closed or aborted. `peer`: the other side did. `fault`: the mechanism or the protocol failed. */
  readonly by: 'local' | 'peer' | 'fault';
  /** True when nothing was lost: an orderly close. */
  readonly orderly: boolean;
  /** What a call that was in flight should fail with. */
  readonly error: RpcError;
}

/** One live connection. All methods must be called on the thread that made it. */
export interface Link {
  readonly peer: Peer;
  /**
   * Which way this end goes. At a `receive` end, `claim` throws FAILED_PRECONDITION (UNSUPPORTED) naming the capability
   * `directions`; a `send` end never receives a message, only the end.
   */
  readonly direction: Direction;
  /** Bytes of the largest message this link sends; at most the transport's capability. */
  readonly maxMessageBytes: number;

  // --- sending -----------------------------------------------------------------------------------------------------
  /**
   * Takes `bytes` (0 … maxMessageBytes) of writable space, contiguous; null means "full now". One claim at a time.
   * Throws RpcError RESOURCE_EXHAUSTED past maxMessageBytes, and the link's end error once it has ended or `close` was called.
   */
  claim(bytes: number): Span | null;
  /**
   * Publishes the first `length` bytes of the claim as one message. `handles` travel with it: they become the link's (their
   * `value` is -1 at once), which closes them when the peer's system has them, or when they cannot be delivered any more.
   * When it throws, they stay the caller's, and the claim stays open: FAILED_PRECONDITION (UNSUPPORTED) where handles
   * cannot travel (capability: handlesPerMessage); INVALID_ARGUMENT for more than can, and for one that is closed.
   */
  commit(length: number, handles?: readonly Handle[]): void;
  /** Gives the claim back; nothing is sent. */
  abandon(): void;
  /** Hands to the mechanism what is committed but still held back (batching). Never waits. */
  flush(): void;
  /**
   * Links to a mailbox have this: said before a claim, it holds for the next commit. `about` numbers the conversation
   * that the message belongs to (0: none, so that nobody waits for an answer): the first message goes to whichever
   * taker comes, later ones to the one that took it. `urgent` overtakes what is not; past `expires` nobody wants it any
   * more; one that `revokes` reaches whoever has the conversation, or has it dropped before it is taken.
   */
  mark?(about: number, urgent: boolean, expires: Deadline, revokes: boolean): void;
  /** Links to a mailbox have this: the conversation is over. */
  forget?(about: number): void;
  /** Links to a mailbox call this: the taker of a conversation has died, though the mailbox and the link live on. */
  onLost?: ((about: number, error: RpcError) => void) | undefined;

  // --- receiving ---------------------------------------------------------------------------------------------------
  /**
   * The next message, or null: nothing now, or (when `ended` is true) nothing ever again. The span is valid until
   * `release`, which must follow before the next `receive`.
   */
  receive(): Span | null;
  release(): void;
  /**
   * The handles that came with the message that is out on loan, in the order in which they were sent; the caller's from
   * now on, so a second call gives none. Those that nobody has taken are closed by `release`.
   */
  takeHandles(): readonly Handle[];
  /** True once the peer's last message has been received and no other can come. */
  readonly ended: boolean;

  /**
   * Looks for a message for a few microseconds, where looking costs no system call: true when `receive` would give one
   * or has news of the end. Where it would cost one, false at once.
   */
  pollReadable(): boolean;

  /** Memory that messages can refer to; absent where there is none. */
  readonly blocks?: Blocks | undefined;

  // --- waiting -----------------------------------------------------------------------------------------------------
  /** Blocks until `receive` would give a message or the end: true. False when the deadline passed first. Flushes first. */
  waitReadable(deadline: Deadline): boolean;
  /** Blocks until `claim(bytes)` would not be full, or the link has ended: true. False when the deadline passed first. */
  waitWritable(bytes: number, deadline: Deadline): boolean;
  /** As waitReadable, without blocking. Rejects only by the signal, with its reason. One at a time. */
  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean>;
  /** As waitWritable, without blocking. Rejects only by the signal, with its reason. One at a time. */
  whenWritable(bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean>;
  /**
   * Blocks until the receiver has taken (received and released) all that was committed: true. False when the deadline
   * passed first, or the link ended first (`end` tells). Flushes first. At `send` ends of transports that can block and
   * whose capability `confirms` says so.
   */
  waitTaken?(deadline: Deadline): boolean;
  /** Whether pending waits (`when…`) of this link keep the event loop alive. On at first. */
  ref(): void;
  unref(): void;

  // --- ending ------------------------------------------------------------------------------------------------------
  /**
   * Orderly: no more claims; what is committed is flushed (until the deadline, then dropped); the peer receives
   * everything and then the end. Idempotent. Resolves when the mechanism is released.
   */
  close(deadline?: Deadline): Promise<void>;
  /** As close, blocking the thread. */
  closeSync(deadline?: Deadline): void;
  /** At once: drops everything unsent, releases the mechanism; the peer sees a disorderly end. Idempotent. Never throws. */
  abort(error?: RpcError): void;
  /** Settles once, never rejects: who ended the link and why. May settle only while an event loop runs. */
  readonly closed: Promise<LinkEnd>;
  /** The same, at once: undefined while the link lives. */
  readonly end: LinkEnd | undefined;
}

/** A parsed address. `shm:///run/geo.sock?ring=1` has scheme `shm`, path `/run/geo.sock`; `shm:geo` has path `geo`. */
export interface Address {
  readonly url: string;
  readonly scheme: string;
  /** What follows `scheme:` (and `//`), percent-decoded, without the query. */
  readonly path: string;
}

/** Options that every transport understands; each adds its own, validated by its own resolver. */
export interface TransportOptions {
  /** Bytes of the largest message to send or accept. @default 4194304 (4 MiB) */
  readonly maxMessageBytes?: number;
  /** Listening side: who may connect. @default everybody whom the mechanism lets in */
  readonly allow?: AllowRule;
  /**
   * Which way the link is to go, as the side with this option sees it. Whoever opens links asks only for what the
   * capabilities offer (`directionProblem` tells). @default 'duplex', or the one way that the transport has
   */
  readonly direction?: Direction;
  readonly [option: string]: unknown;
}

export interface Listener {
  /** The URL at which clients reach it; useful when the address was chosen by the transport. */
  readonly url: string;
  /** Stops accepting and removes what was made in the file system or kernel. Links live on. Idempotent. */
  close(): Promise<void>;
  /**
   * As `close`, but turns nobody away: who has knocked already becomes a link, which is told to `onLink` as ever. The
   * name is free at once, for who listens there next; resolves when all have been let in, or after a second. Idempotent.
   * @default `close`, which turns away who is not a link yet
   */
  leave?(): Promise<void>;
  ref(): void;
  unref(): void;
  /** Where what is sent can wait at the receiver (signals): nothing is received from now on, until `release`. */
  hold?(): void;
  release?(): void;
}

/** A name that is bound, and at which processes listen that inherit its descriptor. */
export interface Rendezvous {
  readonly url: string;
  /** What they inherit; see `inheritRendezvous`. */
  readonly descriptor: number;
  /** Gives the name up. Who has inherited the descriptor accepts on. Idempotent. */
  close(): void;
}

/** A plug-in that makes links for one URL scheme. Stateless: all state is in listeners and links. */
export interface Transport {
  readonly scheme: string;
  readonly capabilities: Capabilities;
  /**
   * Checks the options of this transport, all of them: returns one line per problem (`ringBytes: expected a power of
   * two, found 1000`), empty when there is none. Used for configuration before anything is opened.
   */
  validateOptions(options: TransportOptions): readonly string[];
  /**
   * Throws INVALID_ARGUMENT (BAD_ADDRESS) for an address at which nothing can be met, neither by who connects nor by
   * who listens. Goes by its text alone: opens, makes and looks up nothing, so that a configuration can be checked on
   * any machine. @default every address is left to `connect` and `listen`
   */
  checkAddress?(address: Address): void;
  /**
   * The same text for all addresses at which the same listener is met, however they are spelt: `shm:./geo` and
   * `shm:/run/geo` where the working directory is `/run`. As far as their own text tells: opens, makes and looks up
   * nothing. @default the URL
   */
  meetingPlace?(address: Address): string;
  /** Rejects with RpcError: UNAVAILABLE (UNREACHABLE), PERMISSION_DENIED, INVALID_ARGUMENT, DEADLINE_EXCEEDED. */
  connect(address: Address, options: TransportOptions, deadline: Deadline, signal?: AbortSignal): Promise<Link>;
  /** As connect, blocking the thread. Throws FAILED_PRECONDITION (UNSUPPORTED) when links cannot block. */
  connectSync(address: Address, options: TransportOptions, deadline: Deadline): Link;
  /**
   * Accepts until closed. `onLink` must not throw. Rejects with ALREADY_EXISTS when somebody listens there already.
   * `onError` hears of connections that failed before they became links (refused peers, garbage at the rendezvous).
   */
  listen(
    address: Address,
    options: TransportOptions,
    onLink: (link: Link) => void,
    onError?: (error: RpcError) => void,
    /** What is listened for; given where links are those of notifications (`delivery: 'coalesced'`). */
    notifications?: readonly Notification[],
  ): Promise<Listener>;
  /**
   * Where the kernel can give who connects to whichever process accepts: binds as `listen` does, and accepts nobody.
   * Processes that inherit the descriptor, and have said so by `inheritRendezvous`, listen there together. Rejects as `listen`.
   * @default an address can't be shared so
   */
  bind?(address: Address, options: TransportOptions): Promise<Rendezvous>;
}
