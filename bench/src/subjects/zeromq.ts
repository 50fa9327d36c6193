import { join } from 'node:path';
import { Dealer, Router } from 'zeromq';
import { greet } from '../message.js';
import type { NodeSubject } from '../subject.js';
import { Waiting } from '../waiting.js';
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from '../wire.js';

const at = (dir: string) => `ipc://${join(dir, 'zeromq.sock')}`;

/** A socket of ZeroMQ takes one send at a time: what comes meanwhile waits here. */
class Sender<Message> {
  readonly #send: (message: Message) => Promise<void>;
  readonly #queue: Message[] = [];
  #busy = false;

  constructor(send: (message: Message) => Promise<void>) {
    this.#send = send;
  }

  push(message: Message): void {
    this.#queue.push(message);
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await this.#send(next);
    this.#busy = false;
  }
}

/** ZeroMQ's asynchronous pattern: a DEALER that calls, a ROUTER that answers by the frame that names the caller. */
export const zeromq: NodeSubject = {
  name: 'zeromq',
  kind: 'peer',
  about: 'zeromq.js over ipc:, DEALER to ROUTER, protobuf',
  home: 'process',
  bulk: true,
  crowds: true,

  async serve(dir) {
    const router = new Router({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
    await router.bind(at(dir));
    const sender = new Sender<[Buffer, Buffer]>((frames) => router.send(frames));
    const serving = (async () => {
      for await (const [caller, message] of router) sender.push([caller!, encodeReply(greet(decodeRequest(message!)))]);
    })();
    return async () => {
      router.close();
      await serving;
    };
  },

  async connect({ dir }) {
    const dealer = new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
    dealer.connect(at(dir));
    const waiting = new Waiting();
    const sender = new Sender<Buffer>((message) => dealer.send(message));
    const receiving = (async () => {
      for await (const [message] of dealer) waiting.settle(decodeReply(message!));
    })();
    return {
      greet: (request) => waiting.call(request, () => sender.push(encodeRequest(request))),
      async close() {
        dealer.close();
        await receiving;
      },
    };
  },
};
