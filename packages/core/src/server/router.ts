import {
  chain,
  describeMethodId,
  type InterceptedCall,
  type Interceptor,
  type Metadata,
  type MethodEntry,
  methodIdOf,
  methodPath,
} from '../channel/index.js';
import { hasHandleFields, type MethodDefinition, type ServiceDefinition } from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { CallContext } from './handlers.js';
import { MethodCounts } from './stats/method-counts.js';

/** A method with what runs it. */
export interface Route {
  readonly service: ServiceDefinition;
  readonly method: MethodDefinition;
  readonly path: string;
  /** The handler is given a stream of requests; gives one of replies; any of the two. */
  readonly streamsRequests: boolean;
  readonly streamsReplies: boolean;
  readonly streams: boolean;
  /** A request that comes alone, and a reply that goes alone, can have handles in their fields. */
  readonly handlesCome: boolean;
  readonly handlesBack: boolean;
  /** Gives the reply (or what gives the replies), or a promise of it. May throw. */
  readonly run: (request: unknown, context: CallContext) => unknown;
  /** What this thread counts of it; set before any link knows the route. */
  counts: MethodCounts;
}

/** The methods a server offers; a method's id on the wire is its place here. Never changes: links keep the one they began with. */
export type Routes = readonly Route[];

/** Binds each method of a service to its handler. Throws INVALID_ARGUMENT (BAD_OPTION) naming the handlers that are missing. */
export function routesOf(
  service: ServiceDefinition,
  handlers: Readonly<Record<string, unknown>>,
  interceptors: readonly Interceptor[],
): Routes {
  const methods = Object.values(service.methods);
  const missing = methods.filter((method) => typeof handlers[method.localName] !== 'function');
  if (missing.length > 0) {
    const names = missing.map((method) => method.localName).join(', ');
    throw new RpcError('INVALID_ARGUMENT', `the implementation of ${service.typeName} has no handler for ${names}`, {
      reason: Reason.BAD_OPTION,
    });
  }
  return methods.map((method) => {
    const handler = handlers[method.localName] as (request: unknown, context: CallContext) => unknown;
    const direct = (request: unknown, context: CallContext): unknown => handler.call(handlers, request, context);
    const path = methodPath(service, method);
    const wrapped = (request: unknown, context: CallContext): unknown => {
      const call = servedCall(service, method, path, request, context);
      return chain(interceptors, (inner) => direct(inner.request, context))(call);
    };
    return routeOf(service, method, interceptors.length === 0 ? direct : wrapped);
  });
}

/** The methods of a service whose handlers are elsewhere. */
export function routesElsewhere(service: ServiceDefinition): Routes {
  const nowhere = (): never => {
    throw new RpcError('INTERNAL', `${service.typeName}: its handlers are in other threads`);
  };
  return Object.values(service.methods).map((method) => routeOf(service, method, nowhere));
}

function routeOf(service: ServiceDefinition, method: MethodDefinition, run: Route['run']): Route {
  const { kind } = method;
  return {
    service,
    method,
    path: methodPath(service, method),
    streamsRequests: kind === 'client-streaming' || kind === 'bidi-streaming',
    streamsReplies: kind === 'server-streaming' || kind === 'bidi-streaming',
    streams: kind !== 'unary',
    handlesCome: hasHandleFields(method.request.schema),
    handlesBack: hasHandleFields(method.response.schema),
    run,
    counts: new MethodCounts(false),
  };
}

/** A call as interceptors see it, in front of its handler. */
function servedCall(
  service: ServiceDefinition,
  method: MethodDefinition,
  path: string,
  request: unknown,
  context: CallContext,
): InterceptedCall {
  return {
    side: 'server',
    mode: 'async',
    service,
    method,
    path,
    request,
    timeout: undefined,
    context,
    // Made when they are asked for; as the object's own, so that a changed copy has them.
    get metadata() {
      return context.metadata as Metadata;
    },
    get signal() {
      return context.signal;
    },
  };
}

/** Routes by the ids that both sides compute alone, for links without greetings. */
export type RoutesById = ReadonlyMap<number, Route>;

/** Throws ALREADY_EXISTS (BAD_OPTION) when two methods have the same id. */
export function routesById(routes: Routes, idOf: (path: string) => number = methodIdOf): RoutesById {
  const byId = new Map<number, Route>();
  for (const route of routes) {
    const id = idOf(route.path);
    const other = byId.get(id);
    if (other !== undefined) {
      const words = `${other.path} and ${route.path} have the same id ${describeMethodId(id)} (CRC-32 of these words): rename one of them, or offer them on two servers`;
      throw new RpcError('ALREADY_EXISTS', words, { reason: Reason.BAD_OPTION });
    }
    byId.set(id, route);
  }
  return byId;
}

/** What a hello tells of the routes. */
export function methodTable(routes: Routes): readonly MethodEntry[] {
  return routes.map(({ service, method }) => ({
    service: service.typeName,
    method: method.name,
    kind: method.kind,
    request: method.request.schema,
    response: method.response.schema,
  }));
}
