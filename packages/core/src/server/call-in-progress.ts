import type { Peer } from '../transport/contract.js';
import type { CallContext } from './handlers.js';
import type { Route } from './router.js';

/** One call that a handler works on; the handler sees it as its context. */
export class CallInProgress implements CallContext {
  readonly id: number;
  readonly route: Route;
  readonly peer: Peer;
  deadline: number;
  /** False once nobody wants the reply any more: answered, cancelled, expired, or the caller is gone. */
  wanted = true;
  /** A handler has it. */
  taken = false;
  /** Takes the call out of the queue in which it waits for a slot. */
  withdraw: (() => void) | undefined;
  /** The caller wants to be told when a handler has it. */
  readonly confirm: boolean;
  readonly oneway: boolean;
  #abort: AbortController | undefined;
  #aborted: unknown;

  constructor(id: number, route: Route, peer: Peer, deadline: number, confirm: boolean, oneway: boolean) {
    this.id = id;
    this.route = route;
    this.peer = peer;
    this.deadline = deadline;
    this.confirm = confirm;
    this.oneway = oneway;
  }

  get path(): string {
    return this.route.path;
  }

  /** Made when first asked for: most handlers never look. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted !== undefined) this.#abort.abort(this.#aborted);
    return this.#abort.signal;
  }

  stop(reason: unknown): void {
    this.wanted = false;
    this.withdraw?.();
    this.#aborted = reason;
    this.#abort?.abort(reason);
  }
}
