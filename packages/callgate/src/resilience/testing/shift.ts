import { appendFileSync } from 'node:fs';
import type { Handlers, MethodDefinition, ServiceDefinition } from '../../index.js';
import { Echo, type Text } from '../../testing/echo.js';

type TextMethod<K extends MethodDefinition['kind']> = MethodDefinition<Text, Text> & { readonly kind: K };

function method<K extends MethodDefinition['kind']>(name: string, kind: K, oneway = false): TextMethod<K> {
  return { ...Echo.methods.shout, name, localName: name.toLowerCase(), kind, oneway, idempotent: false };
}

/** A call of each kind, none of which may be made twice: each leaves its text in a book. */
export const Shift = {
  typeName: 'test.Shift',
  methods: {
    write: method('Write', 'unary'),
    note: method('Note', 'unary', true),
    list: method('List', 'server-streaming'),
    join: method('Join', 'client-streaming'),
    chat: method('Chat', 'bidi-streaming'),
  },
} satisfies ServiceDefinition;

/** Entries are lines at the end of the book. Every answer names the process. */
export function shiftHandlers(book: string): Handlers<typeof Shift> {
  const enter = (text: string): Text => {
    appendFileSync(book, `${text}\n`);
    return { text: String(process.pid) };
  };
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
  return {
    write: async ({ text }) => {
      await turn();
      return enter(text);
    },
    note: ({ text }) => enter(text),
    async *list({ text }) {
      yield { text };
      await turn();
      yield enter(text);
    },
    async join(requests) {
      let all = '';
      for await (const { text } of requests) all += text;
      return enter(all);
    },
    async *chat(requests) {
      for await (const { text } of requests) yield enter(text);
    },
  };
}
