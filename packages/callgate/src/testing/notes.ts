import type { MessageType, MethodDefinition, ServiceDefinition } from '../index.js';
import type { Text } from './echo.js';
import { Echo } from './echo.js';

const nothing: MessageType<Record<never, never>> = {
  typeName: 'test.Nothing',
  size: () => 0,
  encode: (_message, _bytes, start) => start,
  decode: () => ({}),
  schema: { typeName: 'test.Nothing', fields: [] },
};

type NotesService = ServiceDefinition<{
  readonly note: MethodDefinition<Text, Record<never, never>> & { readonly oneway: true };
}>;

/** One method, which nobody answers. */
export const Notes: NotesService = {
  typeName: 'test.Notes',
  methods: {
    note: {
      name: 'Note',
      localName: 'note',
      kind: 'unary',
      request: Echo.methods.shout.request,
      response: nothing,
      oneway: true,
      idempotent: true,
    },
  },
};
