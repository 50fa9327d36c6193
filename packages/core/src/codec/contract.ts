/**
 * What core needs of a message: how large it is, and how to write it into and read it out of a span of somebody else's
 * memory. Implemented by generated direct codecs and, for services loaded at run time, over protobufjs.
 */
import type { Handle } from './wire/handle.js';

/** How a message type is spoken on the wire. One per protobuf message; immutable. */
export interface MessageType<T> {
  /** Full protobuf name, such as `geo.City`. */
  readonly typeName: string;
  /** Bytes that `encode` will write, exactly. Throws RpcError INVALID_ARGUMENT (UNENCODABLE), naming the field, on a bad value. */
  size(message: MessageInit<T>): number;
  /**
   * Writes the message into `bytes` from `start` on; returns the end offset, `start + size(message)`. Needs that much
   * room; never writes past it.
   */
  encode(message: MessageInit<T>, bytes: Buffer, start: number): number;
  /**
   * Types of small messages may have `bound` and `pack`, by which a message is written in one pass instead of two. `bound`
   * tells the most bytes that `pack` would write, or not a number when something is wrong with the message (`size` then
   * says what). Throws nothing.
   */
  readonly bound?: InOnePass<T>['bound'] | undefined;
  /** As `encode`, which it writes the same bytes as, and as `size` in checking every value and in what it throws. */
  readonly pack?: InOnePass<T>['pack'] | undefined;
  /**
   * Reads a message from `bytes[start, end)` and copies what it keeps: nothing refers to `bytes` afterwards. Throws
   * RpcError INVALID_ARGUMENT (UNDECODABLE) on malformed input; never reads outside the span.
   */
  decode(bytes: Buffer, start: number, end: number): T;
  /** The shape, for comparing schemas across a link. */
  readonly schema: MessageSchema;
}

/** As methods, whose parameters TypeScript compares less strictly: a type of any message must take any. */
interface InOnePass<T> {
  bound(message: MessageInit<T>): number;
  pack(message: MessageInit<T>, bytes: Buffer, start: number): number;
}

/** A message's fields by number, for schema comparison. */
export interface MessageSchema {
  readonly typeName: string;
  readonly fields: readonly FieldSchema[];
}

export interface FieldSchema {
  readonly number: number;
  readonly name: string;
  /** A protobuf scalar (`int32`, `string` …), `enum`, `handle` (callgate.Handle), `message` or `group`; of a map, the entry is a message. */
  readonly type: string;
  readonly repeated: boolean;
  /** The schema of a `message` field; a thunk, since types can be recursive. */
  readonly message?: () => MessageSchema;
}

/** The shape accepted where a message is given: every field optional, nested messages too. */
export type MessageInit<T> = T extends Handle | Uint8Array | bigint | string | number | boolean | null | undefined
  ? T
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<K, MessageInit<V>>
    : T extends readonly (infer E)[]
      ? readonly MessageInit<E>[]
      : T extends { readonly case: infer C; readonly value: infer V }
        ? { readonly case: C; readonly value: MessageInit<V> }
        : { readonly [K in keyof T]?: MessageInit<T[K]> | undefined };

export type MethodKind = 'unary' | 'server-streaming' | 'client-streaming' | 'bidi-streaming';

/** One method of a service, as the IDL states it. */
export interface MethodDefinition<Request = unknown, Response = unknown> {
  /** As in the .proto, such as `LookUp`. */
  readonly name: string;
  /** As on stubs and handlers, such as `lookUp`. */
  readonly localName: string;
  readonly kind: MethodKind;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
  /** No reply is awaited: option `(callgate.oneway)`. */
  readonly oneway: boolean;
  /** May be sent twice: option `(callgate.idempotent)`. */
  readonly idempotent: boolean;
  /** Default timeout of both phases: option `(callgate.timeout)`; `undefined` leaves it to the client's. */
  readonly timeout?: 'never' | 'immediate' | number;
  /** Overtakes what is not, where the mechanism can let it: option `(callgate.urgent)`; `undefined` leaves it to the client's. */
  readonly urgent?: boolean;
  /** Calls of one connection run one after the other: option `(callgate.ordered)`. @default false */
  readonly ordered?: boolean;
  /** Waits for a connection where there is none: option `(callgate.wait_for_ready)`; `undefined` leaves it to the client's. */
  readonly waitForReady?: boolean;
  /** Which signal notifies of it, as the IDL has it: option `(callgate.signal)`; read by the transport whose links are signals. */
  readonly signal?: string;
}

/** A service, as the IDL states it. `M` maps local method names to their definitions. */
export interface ServiceDefinition<M extends MethodMap = MethodMap> {
  /** Full protobuf name, such as `geo.Geo`. */
  readonly typeName: string;
  readonly methods: M;
}

export type MethodMap = { readonly [localName: string]: MethodDefinition<never, never> | MethodDefinition };
