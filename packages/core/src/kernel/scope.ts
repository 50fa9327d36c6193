/** Containers of tsyringe that end: with the call or the worker for which they were made. */
import 'reflect-metadata';
import { type DependencyContainer, type InjectionToken, Lifecycle, container as root } from 'tsyringe';
import type { CallContext, ServiceClass } from '../server/index.js';
import { CALL_CONTEXT } from './di.js';

interface Registration {
  readonly options: { readonly lifecycle: Lifecycle };
}

/**
 * What tsyringe's containers do that their types don't tell. It lets a container that asks for a singleton first make it,
 * and dispose of it: a call's container would take with it what all calls share. And it knows no `Symbol.dispose`.
 */
interface Internals {
  construct(made: unknown, context: unknown): unknown;
  resolveRegistration(registration: Registration, context: unknown): unknown;
}

/** A container, and what it has made that is to be disposed of. */
export class Scope {
  readonly container: DependencyContainer;
  readonly #made: object[] = [];

  private constructor(container: DependencyContainer, parent: Scope | undefined) {
    this.container = container;
    const inner = container as unknown as Internals;
    const construct = inner.construct.bind(container);
    inner.construct = (made, context) => {
      const instance = construct(made, context);
      // What is made later (`delay`) is not looked at yet: that would make it.
      if (typeof made === 'function' && disposerOf(instance) !== undefined) this.#made.push(instance as object);
      return instance;
    };
    if (parent === undefined) return;
    const own = inner.resolveRegistration.bind(container);
    const shared = parent.container as unknown as Internals;
    inner.resolveRegistration = (registration, context) =>
      registration.options.lifecycle === Lifecycle.Singleton
        ? shared.resolveRegistration(registration, context)
        : own(registration, context);
  }

  /** Of a thread's services; `needed` is called by who asks for the context of a call there, where there is none. */
  static ofThread(needed: () => never): Scope {
    const scope = new Scope(root.createChildContainer(), undefined);
    scope.container.register(CALL_CONTEXT, { useFactory: needed });
    return scope;
  }

  forCall(context: CallContext): Scope {
    const scope = new Scope(this.container.createChildContainer(), this);
    scope.container.register(CALL_CONTEXT, { useValue: context });
    return scope;
  }

  resolve(made: ServiceClass): Readonly<Record<string, unknown>> {
    return this.container.resolve(made as unknown as InjectionToken<Readonly<Record<string, unknown>>>);
  }

  /** Disposes of what it has made, what was made last first: all of it, also when some of that throws. */
  async end(): Promise<void> {
    const thrown: unknown[] = [];
    for (const instance of this.#made.splice(0).reverse()) {
      try {
        await disposerOf(instance)?.();
      } catch (error) {
        thrown.push(error);
      }
    }
    if (thrown.length > 0) throw thrown.length === 1 ? thrown[0] : new AggregateError(thrown, 'disposing failed');
  }
}

function disposerOf(instance: unknown): (() => unknown) | undefined {
  if (typeof instance !== 'object' || instance === null) return undefined;
  const object = instance as { readonly [key: string | symbol]: unknown };
  for (const key of [Symbol.asyncDispose, Symbol.dispose, 'dispose']) {
    const method = object[key];
    // As with tsyringe: a `dispose` that wants arguments is about something else.
    if (typeof method === 'function' && method.length === 0) return () => method.call(instance);
  }
  return undefined;
}
