import type { MethodDefinition, ServiceDefinition } from '../index.js';
import { Echo, type Text } from './echo.js';

const { shout } = Echo.methods;
const note: MethodDefinition<Text, Text> = { ...shout, name: 'Note', localName: 'note', oneway: true };

const alarm: MethodDefinition<Text, Text> = { ...note, name: 'Alarm', localName: 'alarm', urgent: true };

type MailService = ServiceDefinition<{
  readonly shout: MethodDefinition<Text, Text>;
  readonly note: MethodDefinition<Text, Text>;
  readonly alarm: MethodDefinition<Text, Text>;
}>;

/** Echo with one-way methods, one of them urgent. */
export const Mail: MailService = { typeName: 'test.Mail', methods: { shout, note, alarm } };
