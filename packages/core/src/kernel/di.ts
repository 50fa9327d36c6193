/**
 * What constructor injection needs: tsyringe's decorators, and the token of what only Callgate can inject. From here, so
 * that service and server mean the same tsyringe, of which each copy keeps books of its own.
 */
import 'reflect-metadata';

export {
  container,
  type DependencyContainer,
  delay,
  inject,
  injectAll,
  injectable,
  Lifecycle,
  registry,
  scoped,
  singleton,
} from 'tsyringe';

/**
 * The context of the call that is being handled: `constructor(@inject(CALL_CONTEXT) context: CallContext)`. Who asks for
 * it, or for what asks for it, is made for each call.
 */
export const CALL_CONTEXT = Symbol.for('callgate.CallContext');
