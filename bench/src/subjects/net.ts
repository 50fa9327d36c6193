import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { greet } from '../message.js';
import type { NodeSubject } from '../subject.js';
import { Waiting } from '../waiting.js';
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from '../wire.js';

const at = (dir: string) => join(dir, 'net.sock');
const lengthBytes = 4;

/** Sends a message whose first four bytes are free for its length. What is sent in one tick goes with one write. */
function send(socket: Socket, message: Buffer): void {
  message.writeUInt32LE(message.length - lengthBytes, 0);
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  socket.write(message);
}

/** Hears of each message: where it begins in some bytes, and where it ends. */
function onMessages(socket: Socket, hear: (bytes: Buffer, start: number, end: number) => void): void {
  let parts: Buffer[] = []; // of a message that is not there wholly
  let have = 0;
  let need = lengthBytes;
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    have += part.length;
    if (have < need) return;
    const bytes = parts.length === 1 ? part : Buffer.concat(parts, have);
    let pos = 0;
    for (;;) {
      need = lengthBytes;
      if (bytes.length - pos < need) break;
      need += bytes.readUInt32LE(pos);
      if (bytes.length - pos < need) break;
      hear(bytes, pos + lengthBytes, pos + need);
      pos += need;
    }
    parts = pos === bytes.length ? [] : [bytes.subarray(pos)];
    have = bytes.length - pos;
  });
}

/** What one writes by hand who needs no more than this: protobuf with a length in front, over `node:net`. */
export const net: NodeSubject = {
  name: 'net',
  kind: 'peer',
  about: 'node:net over a Unix socket, lengths in front of protobuf',
  home: 'process',
  bulk: true,
  crowds: true,

  async serve(dir) {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      onMessages(socket, (bytes, start, end) =>
        send(socket, encodeReply(greet(decodeRequest(bytes, start, end)), lengthBytes)),
      );
    });
    await once(server.listen({ path: at(dir), backlog: 1024 }), 'listening');
    return async () => void server.close();
  },

  async connect({ dir }) {
    const socket = connect(at(dir));
    await once(socket, 'connect');
    const waiting = new Waiting();
    onMessages(socket, (bytes, start, end) => waiting.settle(decodeReply(bytes, start, end)));
    return {
      greet: (request) => waiting.call(request, () => send(socket, encodeRequest(request, lengthBytes))),
      close: async () => void socket.destroy(),
    };
  },
};
