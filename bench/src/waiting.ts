import type { GreetReply, GreetRequest } from './message.js';

/** Calls that await their reply, by their id: for subjects that only pass messages. */
export class Waiting {
  readonly #calls = new Map<number, (reply: GreetReply) => void>();

  /** @param send hands the request over; its reply is to come to `settle` */
  call(request: GreetRequest, send: () => void): Promise<GreetReply> {
    return new Promise((resolve) => {
      this.#calls.set(request.id, resolve);
      send();
    });
  }

  settle(reply: GreetReply): void {
    this.#calls.get(reply.id)?.(reply);
    this.#calls.delete(reply.id);
  }
}
