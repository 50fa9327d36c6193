import type { MethodDefinition, ServiceDefinition } from '../../index.js';
import { Echo, type Text } from '../../testing/echo.js';

const { shout } = Echo.methods;
/** May be called twice. */
const read: MethodDefinition<Text, Text> = { ...shout, name: 'Read', localName: 'read' };
/** Must not be. */
const write: MethodDefinition<Text, Text> = { ...shout, name: 'Write', localName: 'write', idempotent: false };

type LedgerService = ServiceDefinition<{
  readonly read: MethodDefinition<Text, Text>;
  readonly write: MethodDefinition<Text, Text>;
}>;

/** A book with entries, served by several processes. Replies name the process and how often the call was tried before. */
export const Ledger: LedgerService = { typeName: 'test.Ledger', methods: { read, write } };
