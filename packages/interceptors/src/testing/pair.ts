import {
  type Client,
  createClientOn,
  createServerOn,
  createSyncClientOn,
  defineMethod,
  defineService,
  type Handlers,
  type Interceptor,
  inprocTransport,
  type MessageType,
  parseAddress,
  RpcError,
  type Server,
} from '@callgate/core';

export interface Text {
  readonly text: string;
}

/** A message that is its text's bytes and nothing else. */
export const TextMessage: MessageType<Text> = {
  typeName: 'test.Text',
  size: (message) => Buffer.byteLength(message.text ?? ''),
  encode: (message, bytes, start) => start + bytes.write(message.text ?? '', start),
  decode: (bytes, start, end) => ({ text: bytes.toString('utf8', start, end) }),
  schema: { typeName: 'test.Text', fields: [{ number: 1, name: 'text', type: 'string', repeated: false }] },
};

const messages = { request: TextMessage, response: TextMessage };
export const Texts = defineService('test.Texts', {
  echo: defineMethod({ name: 'Echo', localName: 'echo', ...messages }),
  look: defineMethod({ name: 'Look', localName: 'look', idempotent: true, ...messages }),
  list: defineMethod({ name: 'List', localName: 'list', kind: 'server-streaming', ...messages }),
});

export interface Pair extends AsyncDisposable {
  readonly client: Client<typeof Texts>;
  readonly server: Server;
}

let names = 0;

/** A server and a client in this thread, with the interceptors given at either side. */
export async function pair(
  handlers: Partial<Handlers<typeof Texts>>,
  interceptors: { readonly client?: readonly Interceptor[]; readonly server?: readonly Interceptor[] },
): Promise<Pair> {
  const address = parseAddress(`inproc:interceptors-${process.pid}-${++names}`);
  const target = { address, transport: inprocTransport, transportOptions: {} };
  const server = createServerOn(() => [target], { interceptors: interceptors.server, onError: () => undefined });
  const echo = (request: Text): Text => request;
  server.add(Texts, {
    echo,
    look: echo,
    list: ({ text }) => text.split(' ').map((word) => ({ text: word })),
    ...handlers,
  });
  await server.listen();
  const client = createClientOn(Texts, () => target, { interceptors: interceptors.client });
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      await client.$close();
      await server.close({ timeoutMs: 0 });
    },
  };
}

/** A blocking client whose calls never leave this thread: the last interceptor answers. */
export function answered(interceptors: readonly Interceptor[], answer: Interceptor, transport = inprocTransport) {
  const address = parseAddress('inproc:nobody');
  const target = { address, transport, transportOptions: {} };
  return createSyncClientOn(Texts, () => target, { interceptors: [...interceptors, answer] });
}

/** What a call fails with; rejects when it does not fail. */
export async function failure(call: Promise<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('the call succeeded');
}

/** A promise and what settles it. */
export function gate<T = void>() {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export const unavailable = (retryAfterMs?: number): RpcError =>
  new RpcError('UNAVAILABLE', 'not now', { retryAfterMs });
