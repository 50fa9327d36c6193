import { availableParallelism } from 'node:os';
import { codeName, Reason, RpcError } from '../../errors/index.js';
import type { Address, Deadline, Direction, Link, Listener, Peer, Transport, TransportOptions } from '../contract.js';
import { defaultDirection, directionMismatch, opposite, type Side } from '../directions.js';
import { selfDeadlock } from '../ends.js';
import { refusal } from '../options.js';
import {
  initialiseSegment,
  type ResolvedRingOptions,
  RingLink,
  type RingOptions,
  resolveRingOptions,
  ringOptionProblems,
  ringPlace,
  type Segment,
  segmentBytes,
  segmentOver,
} from '../ring/index.js';
import { inprocCapabilities } from './capabilities.js';
import { InprocDoorbell } from './doorbell.js';
import {
  ACCEPTED,
  ACCEPTOR,
  ASKED,
  CONNECTOR,
  type End,
  REFUSAL_BYTES,
  REFUSAL_CODE,
  REFUSED,
  RENDEZVOUS,
  THREAD,
  WITHDRAWN,
} from './layout.js';
import { type Acceptor, acceptorHere, addAcceptor, refAcceptors, removeAcceptor, tellOthers } from './rendezvous.js';
import { ownThread } from './thread-life.js';

/** How long, in ms, another thread may take to answer: a busy event loop is slow, a missing one never answers. */
const ANSWER_MS = 1000;
interface Resolved extends ResolvedRingOptions {
  readonly direction: Direction;
}

/** How long, in ms, a new listener waits for an objection to its name. */
const OBJECTION_MS = 50;

/** `inproc:name` joins threads of one process, or one thread with itself, over rings in a SharedArrayBuffer. */
export const inprocTransport: Transport = Object.freeze({
  scheme: 'inproc',
  capabilities: inprocCapabilities,
  validateOptions: (options: TransportOptions) => ringOptionProblems(options),
  checkAddress: (address: Address) => void checkName(address),
  meetingPlace: ({ path }: Address) => `inproc:${path} of ${process.pid}`,
  connect,
  connectSync,
  listen,
});

async function connect(
  address: Address,
  options: TransportOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  signal?.throwIfAborted();
  const resolved = resolveOptions(options, 'connect');
  const segment = ask(address, resolved);
  const acceptor = acceptorHere(address.path);
  if (acceptor !== undefined) {
    acceptor(notice(address, segment, resolved));
  } else {
    tellOthers(notice(address, segment, resolved));
    const wait = Atomics.waitAsync(segment.words, RENDEZVOUS, ASKED, patience(deadline));
    const hold = setInterval(() => undefined, 2 ** 30);
    try {
      if (wait.async) await (signal === undefined ? wait.value : Promise.race([wait.value, aborted(signal)]));
    } finally {
      clearInterval(hold);
      if (signal?.aborted) Atomics.compareExchange(segment.words, RENDEZVOUS, ASKED, WITHDRAWN);
    }
  }
  return conclude(address, segment, resolved, deadline);
}

function connectSync(address: Address, options: TransportOptions, deadline: Deadline): Link {
  const resolved = resolveOptions(options, 'connect');
  if (acceptorHere(address.path) !== undefined) throw selfDeadlock(address.url);
  const segment = ask(address, resolved);
  tellOthers(notice(address, segment, resolved));
  Atomics.wait(segment.words, RENDEZVOUS, ASKED, patience(deadline));
  return conclude(address, segment, resolved, deadline);
}

async function listen(
  address: Address,
  options: TransportOptions,
  onLink: (link: Link) => void,
  onError?: (error: RpcError) => void,
): Promise<Listener> {
  const resolved = resolveOptions(options, 'listen');
  const name = checkName(address);
  if (acceptorHere(name) !== undefined) throw inUse(address);
  const acceptor: Acceptor = (asked) => {
    const segment = segmentOver(asked.memory, asked.ringBytes);
    const fits = asked.direction === opposite(resolved.direction);
    const error = fits
      ? refusal(resolved.allow, credentials(), address.url)
      : directionMismatch(address.url, asked.direction, resolved.direction);
    if (error !== undefined) {
      refuse(segment, error);
      onError?.(error);
      return;
    }
    segment.words[THREAD + ACCEPTOR] = ownThread();
    if (Atomics.compareExchange(segment.words, RENDEZVOUS, ASKED, ACCEPTED) !== ASKED) return;
    Atomics.notify(segment.words, RENDEZVOUS);
    const limits = { ...resolved, maxMessageBytes: Math.min(resolved.maxMessageBytes, asked.maxMessageBytes) };
    onLink(makeLink(segment, ACCEPTOR, address, limits));
  };
  addAcceptor(name, acceptor);
  refAcceptors(1);
  let open = true;
  let held = true;
  const hold = (on: boolean): void => {
    if (on === held) return;
    held = on;
    refAcceptors(on ? 1 : -1);
  };
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    hold(false);
    removeAcceptor(name);
  };
  if (await claimedElsewhere(name)) {
    await close();
    throw inUse(address);
  }
  return { url: address.url, close, ref: () => hold(open), unref: () => hold(false) };
}

function resolveOptions(options: TransportOptions, side: Side): Resolved {
  const direction = options.direction ?? defaultDirection(side, inprocCapabilities);
  return { ...resolveRingOptions('inproc', options as RingOptions), direction };
}

/** Makes the memory in which the two ends will meet. */
function ask(address: Address, options: Resolved): Segment {
  checkName(address);
  const segment = segmentOver(new SharedArrayBuffer(segmentBytes(options.ringBytes)), options.ringBytes);
  initialiseSegment(segment);
  segment.words[THREAD + CONNECTOR] = ownThread();
  return segment;
}

function notice(address: Address, segment: Segment, options: Resolved) {
  const memory = segment.words.buffer as SharedArrayBuffer;
  const { ringBytes, maxMessageBytes, direction } = options;
  return { kind: 'connect', name: address.path, memory, ringBytes, maxMessageBytes, direction } as const;
}

function conclude(address: Address, segment: Segment, options: Resolved, deadline: Deadline): Link {
  const state = Atomics.compareExchange(segment.words, RENDEZVOUS, ASKED, WITHDRAWN);
  if (state === ACCEPTED) return makeLink(segment, CONNECTOR, address, options);
  if (state === REFUSED) {
    const at = ringPlace(segment, 1).data;
    const text = segment.bytes.toString('utf8', at, at + (segment.words[REFUSAL_BYTES] ?? 0));
    const [reason = '', message = ''] = text.split('\0');
    throw new RpcError(codeName(segment.words[REFUSAL_CODE] ?? 0), message, { reason, failed: 'channel' });
  }
  if (performance.now() >= deadline) {
    throw new RpcError(
      'DEADLINE_EXCEEDED',
      `connecting to ${address.url}: the deadline passed before any thread answered`,
      {
        reason: Reason.DEADLINE,
        failed: 'channel',
      },
    );
  }
  throw new RpcError('UNAVAILABLE', `no thread of this process listens at ${address.url}`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
  });
}

function refuse(segment: Segment, error: RpcError): void {
  const text = Buffer.from(`${error.reason}\0${error.message}`);
  segment.bytes.set(text.subarray(0, segment.ringBytes), ringPlace(segment, 1).data);
  segment.words[REFUSAL_BYTES] = Math.min(text.length, segment.ringBytes);
  segment.words[REFUSAL_CODE] = error.status;
  Atomics.compareExchange(segment.words, RENDEZVOUS, ASKED, REFUSED);
  Atomics.notify(segment.words, RENDEZVOUS);
}

function makeLink(segment: Segment, end: End, address: Address, options: Resolved): Link {
  const peer: Peer = { address: address.url, credentials: credentials() };
  return new RingLink({
    segment,
    side: end === CONNECTOR ? 'connector' : 'acceptor',
    doorbell: new InprocDoorbell(segment, end),
    peer,
    direction: options.direction,
    maxMessageBytes: options.maxMessageBytes,
    strategy: options.strategy,
    processors: availableParallelism(),
  });
}

/** The peer is this process. */
function credentials() {
  return { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}

async function claimedElsewhere(name: string): Promise<boolean> {
  const answer = new SharedArrayBuffer(4);
  tellOthers({ kind: 'who', name, answer });
  const wait = Atomics.waitAsync(new Int32Array(answer), 0, 0, OBJECTION_MS);
  if (wait.async) await wait.value;
  return Atomics.load(new Int32Array(answer), 0) !== 0;
}

function checkName(address: Address): string {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(address.path)) return address.path;
  throw new RpcError(
    'INVALID_ARGUMENT',
    `${address.url}: expected inproc: and a name of letters, digits, dots, dashes or underscores`,
    { reason: Reason.BAD_ADDRESS, failed: 'channel' },
  );
}

function inUse(address: Address): RpcError {
  return new RpcError('ALREADY_EXISTS', `${address.url} is in use by another server of this process`, {
    reason: Reason.ADDRESS_IN_USE,
    failed: 'channel',
  });
}

function patience(deadline: Deadline): number {
  return Math.max(0, Math.min(ANSWER_MS, deadline - performance.now()));
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}
