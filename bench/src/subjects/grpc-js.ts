import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { type GrpcService, loadGrpcService } from '../grpc.js';
import { type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

const proto = fileURLToPath(new URL('../../proto/greeter.proto', import.meta.url));

function load(): GrpcService {
  return loadGrpcService(proto, 'bench.Greeter');
}

function address(dir: string): string {
  return `unix:${join(dir, 'grpc.sock')}`;
}

type GreeterClient = Client & {
  Greet(request: GreetRequest, done: (error: Error | null, reply: GreetReply) => void): void;
};

/** gRPC in JavaScript over a Unix socket. It cannot block a thread for a call. */
export const grpcJs: NodeSubject = {
  name: 'grpc-js',
  kind: 'peer',
  about: '@grpc/grpc-js over a Unix socket',
  home: 'process',
  bulk: true,

  async serve(dir) {
    const server = new Server();
    server.addService(load().service, {
      Greet: (call: { request: GreetRequest }, done: (error: null, reply: GreetReply) => void) =>
        done(null, greet(call.request)),
    });
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(address(dir), ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    return async () => server.forceShutdown();
  },

  async connect({ dir }) {
    const client = new (load())(address(dir), credentials.createInsecure()) as unknown as GreeterClient;
    return {
      greet: (request) =>
        new Promise((resolve, reject) =>
          client.Greet(request, (error, reply) => (error ? reject(error) : resolve(reply))),
        ),
      close: async () => client.close(),
    };
  },
};
