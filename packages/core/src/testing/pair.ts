import { type Client, type ClientOptions, createClientOn, type Target } from '../client/index.js';
import type { RpcError } from '../errors/index.js';
import { createServerOn, type Handlers, type Server, type ServerOptions } from '../server/index.js';
import { inprocTransport, type Link, type Listener, parseAddress, type TransportOptions } from '../transport/index.js';
import { Streams, Texts } from './text-service.js';

let names = 0;

/** A fresh in-process target: each test has a name of its own. */
export function freshTarget(transportOptions: TransportOptions = {}): Target {
  const address = parseAddress(`inproc:test-${process.pid}-${++names}`);
  return { address, transport: inprocTransport, transportOptions };
}

export type TextHandlers = Handlers<typeof Texts>;

export const echoing: TextHandlers = {
  echo: (request) => request,
  work: (request) => request,
  note: () => ({ text: '' }),
};

export interface Pair extends AsyncDisposable {
  readonly target: Target;
  readonly server: Server;
  readonly client: Client<typeof Texts>;
}

/** A server and a client of test.Texts in this thread. */
export async function pair(
  handlers: Partial<TextHandlers> = {},
  options: { server?: ServerOptions; client?: ClientOptions; transport?: TransportOptions } = {},
): Promise<Pair> {
  const target = freshTarget(options.transport);
  const server = createServerOn(() => [target], options.server);
  server.add(Texts, { ...echoing, ...handlers });
  await server.listen();
  const client = createClientOn(Texts, () => target, options.client);
  return {
    target,
    server,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.$close();
      await server.close({ timeoutMs: 0 });
    },
  };
}

export type StreamHandlers = Handlers<typeof Streams>;

/** Lists the words of a text, joins what is sent, and says everything again. */
export const streaming: StreamHandlers = {
  echo: (request) => request,
  list: ({ text }) => words(text),
  async join(requests) {
    const texts: string[] = [];
    for await (const { text } of requests) texts.push(text);
    return { text: texts.join(' ') };
  },
  async *chat(requests) {
    for await (const { text } of requests) yield { text: `${text}!` };
  },
};

function* words(text: string): Generator<{ text: string }> {
  for (const word of text.split(' ')) if (word !== '') yield { text: word };
}

export interface StreamPair extends AsyncDisposable {
  readonly target: Target;
  readonly server: Server;
  readonly client: Client<typeof Streams>;
  /** What the server's onError heard. */
  readonly heard: RpcError[];
}

/** A server and a client of test.Streams in this thread. */
export async function streamPair(
  handlers: Partial<StreamHandlers> = {},
  options: { server?: ServerOptions; client?: ClientOptions; transport?: TransportOptions } = {},
): Promise<StreamPair> {
  const target = freshTarget(options.transport);
  const heard: RpcError[] = [];
  const server = createServerOn(() => [target], { onError: (error) => heard.push(error), ...options.server });
  server.add(Streams, { ...streaming, ...handlers });
  await server.listen();
  const client = createClientOn(Streams, () => target, options.client);
  return {
    target,
    server,
    client,
    heard,
    [Symbol.asyncDispose]: async () => {
      await client.$close();
      await server.close({ timeoutMs: 0 });
    },
  };
}

/** Plays a server by hand: what the test does with the link is what the peer sees. */
export async function rawServer(target: Target): Promise<{ listener: Listener; link: Promise<Link> }> {
  let settle!: (link: Link) => void;
  const link = new Promise<Link>((resolve) => {
    settle = resolve;
  });
  const listener = await target.transport.listen(target.address, target.transportOptions, settle);
  return { listener, link };
}

/** Plays a client by hand. */
export function rawClient(target: Target): Promise<Link> {
  return target.transport.connect(target.address, target.transportOptions, Number.POSITIVE_INFINITY);
}

/** Sends bytes as one message. */
export function sendRaw(link: Link, bytes: Uint8Array): void {
  const span = link.claim(bytes.length);
  if (span === null) throw new Error('the link is full');
  span.bytes.set(bytes, span.start);
  link.commit(bytes.length);
  link.flush();
}

/** The next message as a copy, or undefined at the end. */
export async function receiveRaw(link: Link): Promise<Buffer | undefined> {
  for (;;) {
    const span = link.receive();
    if (span !== null) {
      const copy = Buffer.from(span.bytes.subarray(span.start, span.end));
      link.release();
      return copy;
    }
    if (link.ended) return undefined;
    await link.whenReadable(Number.POSITIVE_INFINITY);
  }
}
