import type { MessageType, MethodDefinition, ServiceDefinition } from '@callgate/core';

/** Every call has a number of its own, by which a server counts how often it has run it. */
export interface Entry {
  readonly number: number;
}

const EntryMessage: MessageType<Entry> = {
  typeName: 'test.Entry',
  size: () => 4,
  encode: ({ number }, bytes, start) => bytes.writeUInt32LE(number ?? 0, start),
  decode: (bytes, start, end) => ({ number: end - start < 4 ? 0 : bytes.readUInt32LE(start) }),
  schema: { typeName: 'test.Entry', fields: [{ number: 1, name: 'number', type: 'fixed32', repeated: false }] },
};

type EntryMethod = MethodDefinition<Entry, Entry>;

function method(name: string, oneway = false): EntryMethod {
  const localName = name.charAt(0).toLowerCase() + name.slice(1);
  return { name, localName, kind: 'unary', request: EntryMessage, response: EntryMessage, oneway, idempotent: false };
}

export const Ledger = {
  typeName: 'test.Ledger',
  methods: {
    /** Answers at once. */
    enter: method('Enter'),
    /** Answers after as many ms as the number has, modulo 64. */
    ponder: method('Ponder'),
    note: method('Note', true),
  },
} satisfies ServiceDefinition;

/** What a server has run: how often, by number. */
export interface Tally {
  readonly runs: readonly (readonly [number: number, times: number])[];
  /** What `onError` heard. */
  readonly errors: readonly string[];
}
