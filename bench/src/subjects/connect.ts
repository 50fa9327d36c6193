import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import { connect as open } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFileRegistry, fromBinary, type Message } from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type Client, createClient } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { descriptorsOf } from '../grpc.js';
import { chunksOf, type GreetReply, type GreetRequest, greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

const proto = fileURLToPath(new URL('../../proto/greeter.proto', import.meta.url));
const at = (dir: string) => join(dir, 'connect.sock');

type Of<T> = Message & T;
/** The service as Connect's own generator would type it. */
type Greeter = GenService<{
  greet: { methodKind: 'unary'; input: Schema<GreetRequest>; output: Schema<GreetReply> };
  stream: {
    methodKind: 'server_streaming';
    input: Schema<{ chunks: number; bytes: number }>;
    output: Schema<{ id: number; data: Uint8Array }>;
  };
}>;
type Schema<T> = import('@bufbuild/protobuf/codegenv2').GenMessage<Of<T>>;

/** The library reads the same descriptors at run time as its generated code would bring. */
function load(): Greeter {
  const file = descriptorsOf(proto, 'bench.GreetRequest').map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  const registry = createFileRegistry({ $typeName: FileDescriptorSetSchema.typeName, file });
  return registry.getService('bench.Greeter') as Greeter;
}

async function* stream(order: { readonly chunks: number; readonly bytes: number }) {
  yield* chunksOf(order);
}

/** Connect's protocol over HTTP/2 without TLS, binary: what its documentation advises between servers. */
export const connect: NodeSubject = {
  name: 'connect',
  kind: 'peer',
  about: '@connectrpc/connect-node over a Unix socket, HTTP/2',
  home: 'process',
  bulk: true,
  streams: true,
  crowds: true,

  async serve(dir) {
    const adapter = connectNodeAdapter({
      routes: (router) => router.service(load(), { greet, stream }),
    });
    const sessions = new Set<ServerHttp2Session>();
    const server = createServer(adapter).on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
    });
    await once(server.listen({ path: at(dir), backlog: 1024 }), 'listening');
    return async () => {
      server.close();
      for (const session of sessions) session.destroy();
    };
  },

  async connect({ dir }) {
    const stopped = new AbortController();
    const transport = createConnectTransport({
      baseUrl: 'http://localhost',
      httpVersion: '2',
      nodeOptions: { createConnection: () => open({ path: at(dir), signal: stopped.signal }).on('error', () => {}) },
    });
    const client: Client<Greeter> = createClient(load(), transport);
    return {
      greet: (request) => client.greet(request),
      async stream(chunks, bytes) {
        let got = 0;
        for await (const { data } of client.stream({ chunks, bytes })) if (data.length === bytes) got++;
        return got;
      },
      close: async () => stopped.abort(),
    };
  },
};
