import type { Socket } from 'node:net';
import { join } from 'node:path';
import { IPCModule } from '@achrinza/node-ipc';
import { greet } from '../message.js';
import type { NodeSubject } from '../subject.js';
import { Waiting } from '../waiting.js';
import { replyOf, requestOf, type TextMessage, textOf } from '../wire.js';

const at = (dir: string) => join(dir, 'node-ipc.sock');
const event = 'greet';

/** The fork that went on from the last clean release of node-ipc, whose later ones harmed their users' machines. */
export const nodeIpcSubject: NodeSubject = {
  name: 'node-ipc',
  kind: 'peer',
  about: 'node-ipc (its fork @achrinza/node-ipc) over a Unix socket; JSON',
  home: 'process',

  async serve(dir) {
    const ipc = new IPCModule();
    ipc.config.silent = true;
    await new Promise<void>((listening) => {
      ipc.serve(at(dir), listening);
      ipc.server.on(event, (message: TextMessage, socket: Socket) => {
        const { id, greeting, data } = greet(requestOf(message));
        ipc.server.emit(socket, event, textOf(id, greeting, data));
      });
      ipc.server.start();
    });
    return async () => ipc.server.stop();
  },

  async connect({ dir }) {
    const ipc = new IPCModule();
    ipc.config.silent = true;
    const waiting = new Waiting();
    await new Promise<void>((connected) => ipc.connectTo('bench', at(dir), connected));
    const { bench } = ipc.of;
    await new Promise<void>((connected) => bench!.on('connect', connected));
    bench!.on(event, (message: TextMessage) => waiting.settle(replyOf(message)));
    return {
      greet: (request) =>
        waiting.call(request, () => bench!.emit(event, textOf(request.id, request.name, request.data))),
      close: async () => ipc.disconnect('bench'),
    };
  },
};
