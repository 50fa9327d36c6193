import {
  defaultDirection,
  directionProblem,
  isShared,
  meetingPlaceOf,
  methodPath,
  type NotificationMethod,
  noStreams,
  noteServed,
  notificationsOf,
} from '../channel/index.js';
import type { MethodDefinition, ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Listener } from '../transport/contract.js';
import type { ListenTarget } from './contract.js';

/** Throws when a server can't listen there, or nothing of what it offers could be called. */
export function checkListening(target: ListenTarget, services: readonly ServiceDefinition[]): void {
  const { address, transport, transportOptions } = target;
  const direction = transportOptions.direction ?? defaultDirection('listen', transport.capabilities);
  if (direction === 'send') {
    const words = `${address.url}: a server takes calls, and so it receives: listen with direction receive or duplex, not send`;
    throw new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
  }
  const problem = directionProblem(transport, 'listen', direction, address.url);
  if (problem !== undefined) throw problem;
  const methods = pathsIn(services);
  if (methods.length === 0) return;
  if (direction === 'duplex') {
    refuseStreamsOnly(target, methods);
    return;
  }
  if (methods.some(({ method }) => method.oneway)) return;
  const names = services.map(({ typeName }) => typeName).join(', ');
  const words = `${address.url}: with direction receive nothing can be answered, and no method of ${names} is one-way: nothing could be called (capability directions)`;
  throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

/** All methods must do: throws INVALID_ARGUMENT (UNSUPPORTED) naming the first that can't be a notification. */
export function notificationsIn(services: readonly ServiceDefinition[]): readonly NotificationMethod[] {
  return notificationsOf(pathsIn(services));
}

interface PathedMethod {
  readonly path: string;
  readonly method: MethodDefinition;
}

function pathsIn(services: readonly ServiceDefinition[]): readonly PathedMethod[] {
  return services.flatMap((service) =>
    Object.values(service.methods).map((method) => ({
      path: methodPath(service, method),
      method: method as MethodDefinition,
    })),
  );
}

/** Where some can be called, those that can't are refused when they are. */
function refuseStreamsOnly({ address, transport }: ListenTarget, methods: readonly PathedMethod[]): void {
  const problems = methods.map(({ path, method }) =>
    method.kind === 'unary' ? undefined : noStreams(transport.capabilities, path, method.kind, address.url),
  );
  const [first] = problems;
  if (first === undefined || problems.includes(undefined)) return;
  const words = `${first.message}; and as no other method is offered, nothing could be called`;
  throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}

/** The places at which a server listens. */
export class Listening {
  readonly #listeners: Listener[] = [];
  readonly #noLongerServed: (() => void)[] = [];

  add(listener: Listener, { address, transport }: ListenTarget): void {
    this.#listeners.push(listener);
    if (isShared(transport, address.url)) return;
    for (const url of [listener.url, address.url])
      this.#noLongerServed.push(noteServed(meetingPlaceOf(transport, url)));
  }

  /** Listens nowhere any more. Links live on. */
  async close(): Promise<void> {
    for (const undo of this.#noLongerServed.splice(0)) undo();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** As `close`, but who has come already is let in, where the transport can. The names are free at once. */
  async leave(): Promise<void> {
    for (const undo of this.#noLongerServed.splice(0)) undo();
    await Promise.all(this.#listeners.map((listener) => listener.leave?.() ?? listener.close()));
  }

  /** Lets what is sent wait in the kernel, or takes it from there again. */
  hold(on: boolean): void {
    const able = this.#listeners.filter(({ hold, release }) => hold !== undefined && release !== undefined);
    if (able.length === 0) {
      const words = `nothing to ${on ? 'hold' : 'release'}: none of this server's transports lets what is sent wait in the kernel, as signal: does`;
      throw new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
    }
    for (const listener of able) {
      if (on) listener.hold?.();
      else listener.release?.();
    }
  }
}
