import { expect, expectTypeOf, it } from 'vitest';
import type { MessageType, MethodDefinition } from './contract.js';
import { defineMessage } from './message-type.js';
import { defineMethod, defineService } from './service.js';

interface Text {
  text: string;
}

const Text: MessageType<Text> = defineMessage<Text>({
  typeName: 'test.Text',
  fields: [],
  size: () => 0,
  encode: (_message, _bytes, start) => start,
  decode: () => ({ text: '' }),
});

it('fills in what a method leaves out', () => {
  const method = defineMethod({ name: 'Do', localName: 'do', request: Text, response: Text });
  expect(method).toEqual({
    name: 'Do',
    localName: 'do',
    kind: 'unary',
    request: Text,
    response: Text,
    oneway: false,
    idempotent: false,
  });
  expect(Object.isFrozen(method)).toBe(true);
});

it('keeps kind and direction for the type checker', () => {
  const watch = defineMethod({ name: 'W', localName: 'w', kind: 'server-streaming', request: Text, response: Text });
  const tell = defineMethod({ name: 'T', localName: 't', oneway: true, request: Text, response: Text });
  expectTypeOf(watch.kind).toEqualTypeOf<'server-streaming'>();
  expectTypeOf(tell.oneway).toEqualTypeOf<true>();
  expectTypeOf(tell).toExtend<MethodDefinition<Text, Text>>();
  const service = defineService('test.S', { watch, tell });
  expectTypeOf(service.methods.watch.kind).toEqualTypeOf<'server-streaming'>();
  expect(Object.keys(service.methods)).toEqual(['watch', 'tell']);
  expect(Object.isFrozen(service.methods)).toBe(true);
});
