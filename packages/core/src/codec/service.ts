import type { MessageType, MethodDefinition, MethodKind, MethodMap, ServiceDefinition } from './contract.js';

/** A method whose kind, and whether it is answered, are known to the type checker. */
export type TypedMethod<
  Request,
  Response,
  Kind extends MethodKind = 'unary',
  Oneway extends boolean = false,
> = MethodDefinition<Request, Response> & { readonly kind: Kind; readonly oneway: Oneway };

export interface MethodParts<Request, Response, Kind extends MethodKind, Oneway extends boolean> {
  /** As in the .proto, such as `LookUp`. */
  readonly name: string;
  /** As on stubs and handlers, such as `lookUp`. */
  readonly localName: string;
  /** @default 'unary' */
  readonly kind?: Kind;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
  /** @default false */
  readonly oneway?: Oneway;
  /** @default false */
  readonly idempotent?: boolean;
  /** Milliseconds, or a policy. @default the client's */
  readonly timeout?: 'never' | 'immediate' | number;
  /** @default the client's */
  readonly urgent?: boolean;
  /** @default false */
  readonly ordered?: boolean;
  /** @default the client's */
  readonly waitForReady?: boolean;
  /** @default the transport's choice */
  readonly signal?: string;
}

/** Fills the defaults of a method. */
export function defineMethod<
  Request,
  Response,
  const Kind extends MethodKind = 'unary',
  const Oneway extends boolean = false,
>(parts: MethodParts<Request, Response, Kind, Oneway>): TypedMethod<Request, Response, Kind, Oneway> {
  const {
    name,
    localName,
    request,
    response,
    idempotent = false,
    timeout,
    urgent,
    ordered,
    signal,
    waitForReady,
  } = parts;
  const kind = (parts.kind ?? 'unary') as Kind;
  const oneway = (parts.oneway ?? false) as Oneway;
  return Object.freeze({
    name,
    localName,
    kind,
    request,
    response,
    oneway,
    idempotent,
    ...(timeout !== undefined && { timeout }),
    ...(urgent !== undefined && { urgent }),
    ...(ordered === true && { ordered }),
    ...(signal !== undefined && { signal }),
    ...(waitForReady !== undefined && { waitForReady }),
  });
}

export function defineService<M extends MethodMap>(typeName: string, methods: M): ServiceDefinition<M> {
  return Object.freeze({ typeName, methods: Object.freeze(methods) });
}
