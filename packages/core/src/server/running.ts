import { type Channel, Kind, runFor } from '../channel/index.js';
import type { RpcError } from '../errors/index.js';
import type { Admission } from './admission.js';
import type { Answers } from './answers.js';
import type { CallInProgress } from './call-in-progress.js';
import { runStreaming } from './call-streams.js';
import { handlerFailed } from './failures.js';
import type { PendingCalls } from './pending-calls.js';

/** Runs the handlers of the calls of one channel, each in a slot that was taken for it. */
export class Running {
  readonly #channel: Channel;
  readonly #admission: Admission;
  readonly #pending: PendingCalls;
  readonly #answers: Answers;
  readonly #onError: (error: RpcError) => void;
  /** A call of an ordered method runs, and these come after it. */
  #orderedRuns = false;
  readonly #ordered: CallInProgress[] = [];

  constructor(
    channel: Channel,
    admission: Admission,
    pending: PendingCalls,
    answers: Answers,
    onError: (error: RpcError) => void,
  ) {
    this.#channel = channel;
    this.#admission = admission;
    this.#pending = pending;
    this.#answers = answers;
    this.#onError = onError;
  }

  /** Runs the handler; holds a slot until it is done, and, if its method is ordered, while those before it run. */
  run(call: CallInProgress): void {
    if (call.route.method.ordered === true) this.#inOrder(call);
    else this.#run(call);
  }

  /** Of the ordered methods of a link, one call runs at a time. */
  #inOrder(call: CallInProgress): void {
    if (!this.#orderedRuns) {
      this.#orderedRuns = true;
      this.#run(call);
      return;
    }
    this.#ordered.push(call);
    this.#pending.add(call);
    call.withdraw = () => {
      const at = this.#ordered.indexOf(call);
      if (at === -1) return;
      this.#ordered.splice(at, 1);
      this.#admission.release(true);
    };
  }

  #over(call: CallInProgress): void {
    const ordered = call.route.method.ordered === true;
    call.over = true;
    this.#admission.release(ordered);
    call.working = false;
    call.finished();
    if (!ordered) return;
    const next = this.#ordered.shift();
    if (next === undefined) {
      this.#orderedRuns = false;
      return;
    }
    // In a turn of its own: each may be done at once, however many there are.
    queueMicrotask(() => {
      next.withdraw = undefined;
      this.#pending.delete(next);
      this.#run(next);
    });
  }

  #run(call: CallInProgress): void {
    const { request } = call;
    call.request = undefined;
    call.taken = true;
    call.working = true;
    call.route.counts.begun();
    if (call.confirm) this.#channel.sendLater(Kind.TAKEN, 0, call.id, 0);
    if (call.route.streams) {
      this.#runStreaming(call, request);
      return;
    }
    let result: unknown;
    let later: boolean;
    try {
      result = runFor(call, call.route.run, request);
      later = typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function';
    } catch (error) {
      this.#over(call);
      this.#answers.failedToHandle(call, error);
      return;
    }
    if (!later) {
      this.#over(call);
      call.closeReceived();
      this.#answers.reply(call, result);
      return;
    }
    this.#pending.add(call);
    this.#channel.yieldDue = true;
    // Not every thenable keeps to the rules of promises: to settle once, and never to throw.
    Promise.resolve(result).then(
      (reply) => this.#handled(call, reply),
      (error: unknown) => this.#notHandled(call, error),
    );
  }

  #runStreaming(call: CallInProgress, request: unknown): void {
    // What follows the request must find the call, whatever its handler does.
    this.#pending.add(call);
    runStreaming(this.#channel, call, request, {
      done: (reply) => this.#handled(call, reply),
      failed: (thrown) => this.#notHandled(call, thrown),
      onError: (thrown) => this.#onError(handlerFailed(thrown)),
    });
  }

  #handled(call: CallInProgress, reply: unknown): void {
    this.#over(call);
    if (!this.#pending.done(call)) {
      this.#answers.drop(call, reply);
      return;
    }
    call.closeReceived();
    this.#answers.reply(call, reply);
    this.#channel.queueFlush();
  }

  #notHandled(call: CallInProgress, thrown: unknown): void {
    this.#over(call);
    if (this.#pending.done(call)) this.#answers.failedToHandle(call, thrown);
    else call.closeInFields();
  }
}
