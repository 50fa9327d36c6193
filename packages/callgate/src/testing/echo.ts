import type { MessageType, MethodDefinition, ServiceDefinition } from '../index.js';

export interface Text {
  readonly text: string;
}

/** A message that is its text's bytes and nothing else, so that these tests need no code generation. */
export const textType: MessageType<Text> = {
  typeName: 'test.Text',
  size: (message) => Buffer.byteLength(message.text ?? ''),
  encode: (message, bytes, start) => start + bytes.write(message.text ?? '', start, 'utf8'),
  decode: (bytes, start, end) => ({ text: bytes.toString('utf8', start, end) }),
  schema: { typeName: 'test.Text', fields: [{ number: 1, name: 'text', type: 'string', repeated: false }] },
};

type EchoService = ServiceDefinition<{ readonly shout: MethodDefinition<Text, Text> }>;

export const Echo: EchoService = {
  typeName: 'test.Echo',
  methods: {
    shout: {
      name: 'Shout',
      localName: 'shout',
      kind: 'unary',
      request: textType,
      response: textType,
      oneway: false,
      idempotent: true,
    },
  },
};
