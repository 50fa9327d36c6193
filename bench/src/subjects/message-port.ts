import { MessageChannel, type MessagePort, parentPort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

/** What the client sends to the server's thread, once. */
interface Introduction {
  readonly port: MessagePort;
  /** Raised and rung after each reply, so that a client that blocks wakes up. Absent for clients that await. */
  readonly bell?: Int32Array;
}

function introduce(worker: Worker | undefined, bell?: Int32Array): MessagePort {
  if (!worker) throw new Error('message-port: the server is to be a thread of the client');
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ port: port2, ...(bell && { bell }) } satisfies Introduction, [port2]);
  return port1;
}

/**
 * A MessageChannel between two threads of one process. Its server always awaits; a client can block on a futex
 * (`Atomics.wait`) that the server rings.
 */
export const messagePort: NodeSubject = {
  name: 'message-port',
  kind: 'peer',
  about: 'a MessageChannel to a worker thread; sync by Atomics.wait',
  home: 'thread',
  bulk: true,

  async serve() {
    let port: MessagePort | undefined;
    parentPort?.once('message', (introduction: Introduction) => {
      port = introduction.port;
      const { bell } = introduction;
      port.on('message', (request: GreetRequest) => {
        port?.postMessage(greet(request));
        if (bell) {
          Atomics.add(bell, 0, 1);
          Atomics.notify(bell, 0);
        }
      });
    });
    return async () => port?.close();
  },

  async connect({ worker }) {
    const port = introduce(worker);
    const waiting = new Map<number, (reply: GreetReply) => void>();
    port.on('message', (reply: GreetReply) => {
      waiting.get(reply.id)?.(reply);
      waiting.delete(reply.id);
    });
    return {
      greet: (request) =>
        new Promise((resolve) => {
          waiting.set(request.id, resolve);
          port.postMessage(request);
        }),
      close: async () => port.close(),
    };
  },

  connectSync({ worker }) {
    const bell = new Int32Array(new SharedArrayBuffer(4));
    const port = introduce(worker, bell);
    return {
      greet(request) {
        let rung = Atomics.load(bell, 0);
        port.postMessage(request);
        for (;;) {
          const received = receiveMessageOnPort(port) as { message: GreetReply } | undefined;
          if (received) return received.message;
          Atomics.wait(bell, 0, rung);
          rung = Atomics.load(bell, 0);
        }
      },
      close: () => port.close(),
    };
  },
};
