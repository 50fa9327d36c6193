import { type Channel, closeUnsent, EMPTY_PAYLOAD, Flag, Kind, NO_DEADLINE } from '../channel/index.js';
import type { MessageType } from '../codec/contract.js';
import { Code, type MetadataView, RpcError } from '../errors/index.js';
import type { CallInProgress } from './call-in-progress.js';
import { badReply, expired, handlerFailed } from './failures.js';

/** How the calls of one channel are answered: with a reply, or a failure. */
export class Answers {
  readonly #channel: Channel;
  /** Hears of failures that no caller is told of. */
  readonly #onError: (error: RpcError) => void;

  constructor(channel: Channel, onError: (error: RpcError) => void) {
    this.#channel = channel;
    this.#onError = onError;
  }

  /** Sends the reply, now or when there is room. */
  reply(call: CallInProgress, reply: unknown): void {
    if (call.oneway) {
      call.countEnd(Code.OK, true);
      this.drop(call, reply);
      return;
    }
    const { outbox } = this.#channel;
    if (outbox.length === 0 && this.#tryReply(call, reply)) return;
    let bytes: number;
    try {
      bytes = this.#channel.measure(replyType(call), reply as object) + (call.replyBlock?.length ?? 0);
    } catch (error) {
      this.drop(call, reply);
      this.fail(call, badReply(call, error));
      return;
    }
    outbox.add({ bytes, answer: true, attempt: () => this.#tryReply(call, reply) });
  }

  /** False when the link is full now. */
  #tryReply(call: CallInProgress, reply: unknown): boolean {
    const channel = this.#channel;
    if (channel.ended) {
      call.countEnd(Code.CANCELLED, false);
      this.drop(call, reply);
      call.closeHandles();
      return true;
    }
    const { given } = call;
    const type = replyType(call);
    try {
      const { id, replyBlock } = call;
      if (!channel.trySend(Kind.REPLY, 0, 0, id, 0, NO_DEADLINE, type, reply as object, given, replyBlock))
        return false;
      call.countEnd(Code.OK, true);
      call.closeInFields();
      return true;
    } catch (error) {
      this.drop(call, reply);
      if (channel.ended) {
        call.countEnd(Code.CANCELLED, false);
        call.closeHandles();
      } else this.fail(call, badReply(call, error));
      return true;
    }
  }

  /** Closes the handles in a reply that is not sent, and those that it could have given on. */
  drop(call: CallInProgress, reply: unknown): void {
    if (call.route.handlesBack && !call.route.streamsReplies) closeUnsent(call.route.method.response, reply);
    call.closeInFields();
  }

  /** `causes`: what led to the error is for the caller, too. */
  fail(call: CallInProgress, error: RpcError, causes = false): void {
    call.countEnd(error.status, true);
    call.closeHandles();
    // Who blocks until a handler has a one-way call waits for a word of it until then.
    if (call.oneway && (call.taken || !call.confirm)) this.#onError(error);
    else {
      if (error.metadata !== undefined) this.#addTrailers(call, error.metadata);
      const flags = call.taken ? 0 : Flag.REFUSED;
      this.#channel.sendFailure(call.id, error, call.replyBlock, causes, flags);
    }
  }

  #addTrailers(call: CallInProgress, metadata: MetadataView): void {
    try {
      for (const [key, value] of metadata) call.trailers.append(key, value);
    } catch (error) {
      // What the handler threw is answered all the same.
      this.#onError(RpcError.from(error, 'INTERNAL'));
    }
  }

  /** An RpcError is the handler's answer; anything else is its fault, whose stack only this side may see. */
  failedToHandle(call: CallInProgress, thrown: unknown): void {
    // Who gives up as its deadline passes may say that it was cancelled before this side has said why.
    const gaveUp = RpcError.is(thrown) && thrown.code === 'CANCELLED' && call.deadline <= performance.now();
    const error = gaveUp ? expired(call) : handlerFailed(thrown);
    if (!RpcError.is(thrown) && !call.oneway) this.#onError(error);
    this.fail(call, error, RpcError.is(thrown));
  }
}

/** Of what goes with the REPLY itself: a stream's messages have gone before. */
function replyType({ route }: CallInProgress): MessageType<unknown> {
  return route.streamsReplies ? (EMPTY_PAYLOAD as MessageType<unknown>) : route.method.response;
}
