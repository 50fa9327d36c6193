import { type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

/** The channel that `child_process.fork` opens. Its messages are read by the event loop alone, so no call can block. */
export const childIpc: NodeSubject = {
  name: 'child-ipc',
  kind: 'peer',
  about: "child_process.fork's channel, serialization 'advanced'",
  home: 'child',

  async serve() {
    process.on('message', (request: GreetRequest) => process.send?.(greet(request)));
    return async () => {};
  },

  async connect({ child }) {
    if (!child) throw new Error('child-ipc: the server is to be a child of the client');
    const waiting = new Map<number, (reply: GreetReply) => void>();
    child.on('message', (reply: GreetReply) => {
      waiting.get(reply.id)?.(reply);
      waiting.delete(reply.id);
    });
    return {
      greet: (request) =>
        new Promise((resolve) => {
          waiting.set(request.id, resolve);
          child.send(request);
        }),
      close: async () => {},
    };
  },
};
