import { Reason, RpcError } from '../errors/index.js';
import type { Deadline, Direction, Handle, Link, LinkEnd, Peer, Span } from '../transport/contract.js';
import { NOTIFICATION_BYTES, type NotificationLink, PLACE_AT, VALUE_AT } from '../transport/notification.js';
import { ENVELOPE_BYTES, emptyEnvelope, Flag, Kind, NO_DEADLINE, readEnvelope, writeEnvelope } from './envelope.js';
import { methodIdOf } from './method-id.js';
import { LONGEST_PAYLOAD, valueIn, writeValue } from './notification-payload.js';
import type { NotificationMethod } from './notifications.js';

const BYTES = ENVELOPE_BYTES + LONGEST_PAYLOAD;

/** Lets calls go over a link of notifications: whatever uses it sees envelopes, of which method and value really travel. */
export function carryNotifications(link: NotificationLink, methods: readonly NotificationMethod[]): Link {
  return new NotificationCarrier(link, methods);
}

interface Carried {
  readonly method: NotificationMethod;
  /** In the list of the link; or why it can't be sent. */
  readonly place: number | RpcError;
}

class NotificationCarrier implements Link {
  readonly maxMessageBytes = BYTES;
  readonly #link: NotificationLink;
  readonly #byId = new Map<number, Carried>();
  readonly #byPlace: (Carried & { readonly id: number })[] = [];
  readonly #envelope = emptyEnvelope();
  readonly #outgoing = scratch();
  readonly #incoming = scratch();
  /** Where the link wants the claimed message. */
  #claimed: Span | null = null;

  constructor(link: NotificationLink, methods: readonly NotificationMethod[]) {
    this.#link = link;
    for (const method of methods) {
      const id = methodIdOf(method.path);
      const place = placeOf(link, method);
      this.#byId.set(id, { method, place });
      if (typeof place === 'number') this.#byPlace[place] = { method, place, id };
    }
  }

  claim(bytes: number): Span | null {
    this.#claimed = this.#link.claim(NOTIFICATION_BYTES);
    if (this.#claimed === null) return null;
    this.#outgoing.end = bytes;
    return this.#outgoing;
  }

  commit(length: number, handles?: readonly Handle[]): void {
    // There is room for none, which the link says best.
    if (handles !== undefined && handles.length > 0) this.#link.commit(0, handles);
    const span = this.#claimed;
    this.#claimed = null;
    this.#outgoing.end = length;
    readEnvelope(this.#outgoing, this.#envelope);
    const { kind, methodId, headersLength } = this.#envelope;
    // Nothing else that a caller could say can be told by a notification.
    if (span === null || kind !== Kind.REQUEST) {
      this.#link.abandon();
      return;
    }
    const carried = this.#byId.get(methodId);
    const place = carried?.place ?? new RpcError('INTERNAL', 'a method that is none of this stub');
    const start = ENVELOPE_BYTES + headersLength;
    const value = valueIn(carried?.method.value, this.#outgoing.bytes, start, length);
    if (typeof place !== 'number' || value === undefined) {
      this.#link.abandon();
      throw typeof place === 'number' ? foreign(carried?.method.path) : place;
    }
    span.view.setUint32(span.start + PLACE_AT, place, true);
    span.view.setUint32(span.start + VALUE_AT, value, true);
    this.#link.commit(NOTIFICATION_BYTES);
  }

  receive(): Span | null {
    const span = this.#link.receive();
    if (span === null) return null;
    const incoming = this.#incoming;
    const carried = this.#byPlace[span.view.getUint32(span.start + PLACE_AT, true)];
    const bits = span.view.getUint32(span.start + VALUE_AT, true);
    const { value, field } = carried?.method ?? { value: undefined, field: 0 };
    const end = value === undefined ? ENVELOPE_BYTES : writeValue(value, field, bits, incoming.bytes, ENVELOPE_BYTES);
    const payload = end - ENVELOPE_BYTES;
    // A place that is not listed becomes a method that nobody has.
    writeEnvelope(incoming.view, 0, Kind.REQUEST, Flag.ONEWAY, 0, payload, 0, carried?.id ?? 0, NO_DEADLINE);
    incoming.end = end;
    return incoming;
  }

  abandon(): void {
    this.#claimed = null;
    this.#link.abandon();
  }

  // --- all else is the link's ---

  get peer(): Peer {
    return this.#link.peer;
  }
  get direction(): Direction {
    return this.#link.direction;
  }
  get ended(): boolean {
    return this.#link.ended;
  }
  get end(): LinkEnd | undefined {
    return this.#link.end;
  }
  get closed(): Promise<LinkEnd> {
    return this.#link.closed;
  }
  flush(): void {
    this.#link.flush();
  }
  release(): void {
    this.#link.release();
  }
  takeHandles(): readonly Handle[] {
    return this.#link.takeHandles();
  }
  pollReadable(): boolean {
    return this.#link.pollReadable();
  }
  waitReadable(deadline: Deadline): boolean {
    return this.#link.waitReadable(deadline);
  }
  waitWritable(_bytes: number, deadline: Deadline): boolean {
    return this.#link.waitWritable(NOTIFICATION_BYTES, deadline);
  }
  waitTaken(deadline: Deadline): boolean {
    if (this.#link.waitTaken !== undefined) return this.#link.waitTaken(deadline);
    throw new RpcError('INTERNAL', `the link to ${this.peer.address} can't tell what was taken`, { failed: 'channel' });
  }
  whenReadable(deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#link.whenReadable(deadline, signal);
  }
  whenWritable(_bytes: number, deadline: Deadline, signal?: AbortSignal): Promise<boolean> {
    return this.#link.whenWritable(NOTIFICATION_BYTES, deadline, signal);
  }
  ref(): void {
    this.#link.ref();
  }
  unref(): void {
    this.#link.unref();
  }
  close(deadline?: Deadline): Promise<void> {
    return this.#link.close(deadline);
  }
  closeSync(deadline?: Deadline): void {
    this.#link.closeSync(deadline);
  }
  abort(error?: RpcError): void {
    this.#link.abort(error);
  }
}

function scratch() {
  const bytes = Buffer.alloc(BYTES);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), start: 0, end: 0 };
}

/** Where the peer has the method, if it means the same by it. */
function placeOf({ notifications, peer }: NotificationLink, { path, value }: NotificationMethod): number | RpcError {
  const place = notifications.findIndex((one) => one.path === path);
  const found = notifications[place];
  if (found === undefined) {
    const known = notifications.map((one) => one.path).join(', ') || 'nothing';
    const words = `the peer at ${peer.address} does not listen for ${path}; it listens for ${known}`;
    return new RpcError('UNIMPLEMENTED', words, { reason: Reason.UNKNOWN_METHOD });
  }
  if (found.value === value) return place;
  const what = (type: string | undefined): string => (type === undefined ? 'no value' : `a value of type ${type}`);
  const words = `${path}: this side and the peer at ${peer.address} disagree: it has ${what(value)} here and ${what(found.value)} there`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.SCHEMA_MISMATCH });
}

/** A codec plug-in has written bytes of its own. */
function foreign(path = 'the method'): RpcError {
  const words = `${path}: a notification carries 32 bits, not bytes: its request must be spoken in protobuf, without a codec of its own`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
