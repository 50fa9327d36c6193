import { chunksOf, type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';
import { Waiting } from '../waiting.js';
import { replyOf, requestOf, type TextMessage, textOf } from '../wire.js';

type Order = { readonly order: { readonly chunks: number; readonly bytes: number } };
type Chunk = { readonly chunk: { readonly data: Uint8Array } };

/** The channel that `child_process.fork` opens. Its messages are read by the event loop alone, so no call can block. */
const advanced: NodeSubject = {
  name: 'child-ipc',
  kind: 'peer',
  about: "child_process.fork's channel, serialization 'advanced'",
  home: 'child',
  streams: true,
  bulk: true,

  async serve() {
    process.on('message', (request: GreetRequest | Order) => {
      if ('order' in request) for (const chunk of chunksOf(request.order)) process.send?.({ chunk });
      else process.send?.(greet(request));
    });
    return async () => {};
  },

  async connect({ child }) {
    if (!child) throw new Error('child-ipc: the server is to be a child of the client');
    const waiting = new Waiting();
    let onChunk = (_bytes: number): void => {};
    child.on('message', (reply: GreetReply | Chunk) => {
      if ('chunk' in reply) onChunk(reply.chunk.data.length);
      else waiting.settle(reply);
    });
    return {
      greet: (request) => waiting.call(request, () => child.send(request)),
      stream: (chunks, bytes) =>
        new Promise((resolve) => {
          let [got, right] = [0, 0];
          onChunk = (length) => {
            if (length === bytes) right++;
            if (++got === chunks) resolve(right);
          };
          child.send({ order: { chunks, bytes } } satisfies Order);
        }),
      close: async () => {},
    };
  },
};

/** The same with text between the two, which is the default. Bytes go in base64, as JSON has none. */
const json: NodeSubject = {
  name: 'child-ipc-json',
  kind: 'peer',
  about: "child_process.fork's channel, serialization 'json'",
  home: 'child',
  serialization: 'json',
  bulk: true,

  async serve() {
    process.on('message', (message: TextMessage) => {
      const { id, greeting, data } = greet(requestOf(message));
      process.send?.(textOf(id, greeting, data));
    });
    return async () => {};
  },

  async connect({ child }) {
    if (!child) throw new Error('child-ipc-json: the server is to be a child of the client');
    const waiting = new Waiting();
    child.on('message', (message: TextMessage) => waiting.settle(replyOf(message)));
    return {
      greet: (request) => waiting.call(request, () => child.send(textOf(request.id, request.name, request.data))),
      close: async () => {},
    };
  },
};

export const childIpc: readonly NodeSubject[] = [advanced, json];
