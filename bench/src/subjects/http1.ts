import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as open } from 'node:http';
import { join } from 'node:path';
import { type GreetReply, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from '../wire.js';

const at = (dir: string) => join(dir, 'http.sock');

/** The whole body; most come in one piece. */
function read(message: IncomingMessage, done: (body: Buffer) => void): void {
  const parts: Buffer[] = [];
  message.on('data', (part: Buffer) => parts.push(part));
  message.on('end', () => done(parts.length === 1 ? parts[0]! : Buffer.concat(parts)));
}

/** HTTP/1.1 as most services speak it. A connection has one call at a time; the agent opens as many as are needed. */
export const http1: NodeSubject = {
  name: 'http1',
  kind: 'peer',
  about: 'node:http over Unix sockets, kept alive; protobuf bodies',
  home: 'process',
  bulk: true,
  crowds: true,

  async serve(dir) {
    const server = createServer((request, response) =>
      read(request, (body) => {
        const reply = encodeReply(greet(decodeRequest(body)));
        response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': reply.length });
        response.end(reply);
      }),
    );
    server.keepAliveTimeout = 0; // a client that rests for long is not sent away
    await once(server.listen({ path: at(dir), backlog: 1024 }), 'listening');
    return async () => {
      server.close();
      server.closeAllConnections();
    };
  },

  async connect({ dir }) {
    const agent = new Agent({ keepAlive: true });
    const common = { agent, socketPath: at(dir), method: 'POST', path: '/bench.Greeter/Greet' };
    return {
      greet: (request) =>
        new Promise<GreetReply>((resolve, reject) => {
          const body = encodeRequest(request);
          const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length };
          const call = open({ ...common, headers }, (response) =>
            read(response, (reply) => resolve(decodeReply(reply))),
          );
          call.on('error', reject);
          call.end(body);
        }),
      close: async () => agent.destroy(),
    };
  },
};
