import type { MessageType, MethodDefinition, ServiceDefinition } from '../codec/contract.js';
import { defineMethod, defineService } from '../codec/service.js';
import { RpcError } from '../errors/index.js';

/** A message of one text, spoken in the plainest way; `!` can't be decoded, so that failures can be made at will. */
export interface Text {
  readonly text: string;
}

export const TextMessage: MessageType<Text> = {
  typeName: 'test.Text',
  size: (message) => {
    if (typeof message.text !== 'string')
      throw new RpcError('INVALID_ARGUMENT', 'test.Text.text: expected text', { reason: 'UNENCODABLE' });
    return Buffer.byteLength(message.text);
  },
  encode: (message, bytes, start) => start + bytes.write(message.text ?? '', start),
  decode: (bytes, start, end) => {
    const text = bytes.toString('utf8', start, end);
    if (text === '!')
      throw new RpcError('INVALID_ARGUMENT', 'test.Text: no text at offset 0', { reason: 'UNDECODABLE' });
    return { text };
  },
  schema: { typeName: 'test.Text', fields: [{ number: 1, name: 'text', type: 'string', repeated: false }] },
};

type TextMethod = MethodDefinition<Text, Text>;

function method(name: string, more: Partial<TextMethod> = {}): TextMethod {
  return {
    name,
    localName: name.charAt(0).toLowerCase() + name.slice(1),
    kind: 'unary',
    request: TextMessage,
    response: TextMessage,
    oneway: false,
    idempotent: false,
    ...more,
  };
}

/** A service for tests of calls: what each handler does is the test's business. */
export const Texts = {
  typeName: 'test.Texts',
  methods: { echo: method('Echo'), work: method('Work'), note: method('Note', { oneway: true }) },
} satisfies ServiceDefinition;

/** A service for tests of streams. */
export const Streams = defineService('test.Streams', {
  echo: defineMethod({ name: 'Echo', localName: 'echo', request: TextMessage, response: TextMessage }),
  list: defineMethod({
    name: 'List',
    localName: 'list',
    kind: 'server-streaming',
    request: TextMessage,
    response: TextMessage,
  }),
  join: defineMethod({
    name: 'Join',
    localName: 'join',
    kind: 'client-streaming',
    request: TextMessage,
    response: TextMessage,
  }),
  chat: defineMethod({
    name: 'Chat',
    localName: 'chat',
    kind: 'bidi-streaming',
    request: TextMessage,
    response: TextMessage,
  }),
});

/** What nobody could take for the same service: the text is a number. */
const NumberMessage: MessageType<Text> = {
  ...TextMessage,
  schema: { typeName: 'test.Text', fields: [{ number: 1, name: 'text', type: 'fixed32', repeated: false }] },
};
export const StrangeTexts = {
  typeName: 'test.Texts',
  methods: { echo: method('Echo', { request: NumberMessage }), work: method('Work', { kind: 'server-streaming' }) },
} satisfies ServiceDefinition;

/** A later version with one method more, and a service that nobody offers. */
export const NewerTexts = {
  typeName: 'test.Texts',
  methods: { echo: method('Echo'), added: method('Added') },
} satisfies ServiceDefinition;
export const OtherTexts = { typeName: 'test.Others', methods: { echo: method('Echo') } } satisfies ServiceDefinition;
