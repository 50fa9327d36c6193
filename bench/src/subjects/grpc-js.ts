import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, credentials, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { type GrpcService, loadGrpcService } from '../grpc.js';
import { chunksOf, type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

const proto = fileURLToPath(new URL('../../proto/greeter.proto', import.meta.url));

function load(): GrpcService {
  return loadGrpcService(proto, 'bench.Greeter');
}

function address(dir: string): string {
  return `unix:${join(dir, 'grpc.sock')}`;
}

interface Order {
  readonly chunks: number;
  readonly bytes: number;
}

type GreeterClient = Client & {
  Stream(order: Order): AsyncIterable<{ data: Uint8Array }>;
  Greet(request: GreetRequest, done: (error: Error | null, reply: GreetReply) => void): void;
};

/** By default, no message may have more than 4 MiB. */
const anySize = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

/** Writes as fast as the reader reads. */
async function pour(call: ServerWritableStream<Order, unknown>): Promise<void> {
  for (const chunk of chunksOf(call.request)) {
    if (!call.write(chunk)) await new Promise<void>((drained) => call.once('drain', drained));
  }
  call.end();
}

/** gRPC in JavaScript over a Unix socket. It cannot block a thread for a call. */
export const grpcJs: NodeSubject = {
  name: 'grpc-js',
  kind: 'peer',
  about: '@grpc/grpc-js over a Unix socket',
  home: 'process',
  bulk: true,
  streams: true,
  crowds: true,

  async serve(dir) {
    const server = new Server(anySize);
    server.addService(load().service, {
      Greet: (call: { request: GreetRequest }, done: (error: null, reply: GreetReply) => void) =>
        done(null, greet(call.request)),
      Stream: (call: ServerWritableStream<Order, unknown>) => void pour(call),
    });
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(address(dir), ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    return async () => server.forceShutdown();
  },

  async connect({ dir }) {
    const options = { ...anySize, 'grpc.use_local_subchannel_pool': 1 }; // each client has a connection of its own
    const client = new (load())(address(dir), credentials.createInsecure(), options) as unknown as GreeterClient;
    return {
      greet: (request) =>
        new Promise((resolve, reject) =>
          client.Greet(request, (error, reply) => (error ? reject(error) : resolve(reply))),
        ),
      async stream(chunks, bytes) {
        let got = 0;
        for await (const { data } of client.Stream({ chunks, bytes })) if (data.length === bytes) got++;
        return got;
      },
      close: async () => client.close(),
    };
  },
};
