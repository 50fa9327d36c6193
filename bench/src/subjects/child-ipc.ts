import { chunksOf, type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

/** The channel that `child_process.fork` opens. Its messages are read by the event loop alone, so no call can block. */
export const childIpc: NodeSubject = {
  name: 'child-ipc',
  kind: 'peer',
  about: "child_process.fork's channel, serialization 'advanced'",
  home: 'child',
  streams: true,
  bulk: true,

  async serve() {
    process.on('message', (request: GreetRequest | { order: { chunks: number; bytes: number } }) => {
      if ('order' in request) for (const chunk of chunksOf(request.order)) process.send?.({ chunk });
      else process.send?.(greet(request));
    });
    return async () => {};
  },

  async connect({ child }) {
    if (!child) throw new Error('child-ipc: the server is to be a child of the client');
    const waiting = new Map<number, (reply: GreetReply) => void>();
    let onChunk = (_bytes: number): void => {};
    child.on('message', (reply: GreetReply | { chunk: { data: Uint8Array } }) => {
      if ('chunk' in reply) {
        onChunk(reply.chunk.data.length);
        return;
      }
      waiting.get(reply.id)?.(reply);
      waiting.delete(reply.id);
    });
    return {
      greet: (request) =>
        new Promise((resolve) => {
          waiting.set(request.id, resolve);
          child.send(request);
        }),
      stream: (chunks, bytes) =>
        new Promise((resolve) => {
          let [got, right] = [0, 0];
          onChunk = (length) => {
            if (length === bytes) right++;
            if (++got === chunks) resolve(right);
          };
          child.send({ order: { chunks, bytes } });
        }),
      close: async () => {},
    };
  },
};
