import type { MethodDefinition, ServiceDefinition } from '../index.js';
import { Echo, type Text } from './echo.js';

const { shout } = Echo.methods;
const note: MethodDefinition<Text, Text> = { ...shout, name: 'Note', localName: 'note', oneway: true };

type MailService = ServiceDefinition<{
  readonly shout: MethodDefinition<Text, Text>;
  readonly note: MethodDefinition<Text, Text>;
}>;

/** Echo with a one-way method. */
export const Mail: MailService = { typeName: 'test.Mail', methods: { shout, note } };
