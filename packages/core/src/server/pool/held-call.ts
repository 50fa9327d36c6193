import { closeAll, type RelayedCopy } from '../../channel/index.js';
import type { Route } from '../router.js';
import type { PoolWorker } from './pool-worker.js';
import type { WaitingCall } from './waiting-calls.js';

/** What a call that waits belongs to. */
export interface HeldBy {
  startHeld(call: HeldCall, worker: PoolWorker): void;
  expireHeld(call: HeldCall): void;
}

/** A request that waits at the front, as it came, and what of its stream has come behind it. */
export class HeldCall implements WaitingCall {
  readonly callId: number;
  readonly route: Route;
  readonly oneway: boolean;
  readonly confirm: boolean;
  readonly ordered: boolean;
  readonly deadline: number;
  /** On the clock that both threads have; 0: from when it gets a worker, since the caller minds how long it waits. */
  readonly came: number;
  readonly request: RelayedCopy;
  readonly more: RelayedCopy[] = [];
  readonly #by: HeldBy;

  constructor(
    by: HeldBy,
    callId: number,
    route: Route,
    how: { readonly oneway: boolean; readonly confirm: boolean; readonly ordered: boolean },
    deadline: number,
    came: number,
    request: RelayedCopy,
  ) {
    this.#by = by;
    this.callId = callId;
    this.route = route;
    this.oneway = how.oneway;
    this.confirm = how.confirm;
    this.ordered = how.ordered;
    this.deadline = deadline;
    this.came = came;
    this.request = request;
  }

  get path(): string {
    return this.route.path;
  }

  start(worker: PoolWorker): void {
    this.#by.startHeld(this, worker);
  }

  expire(): void {
    this.#by.expireHeld(this);
  }

  /** It will not be run. */
  drop(): void {
    closeAll(this.request.handles);
    for (const { handles } of this.more) closeAll(handles);
  }
}
