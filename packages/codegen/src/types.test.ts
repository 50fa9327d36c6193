/** What the compiler takes and refuses; `@ts-expect-error` fails the build where it takes too much. */
import type { MessageInit, ServiceDefinition, TypedMethod } from '@callgate/core/codec';
import { expectTypeOf, it } from 'vitest';
import {
  type Choices,
  Color,
  type Everything,
  type Lists,
  type Maps,
  type Nothing,
  type Optionals,
  type Scalars,
  type Tree,
} from './testing/gen/everything.js';
import type { Empty } from './testing/gen/google/protobuf/empty.js';
import { Kind, type Part, type Record } from './testing/gen/legacy.js';

it('makes 64-bit integers bigints, bytes Uint8Arrays, maps Maps', () => {
  expectTypeOf<Scalars['fInt64']>().toEqualTypeOf<bigint>();
  expectTypeOf<Scalars['fUint32']>().toEqualTypeOf<number>();
  expectTypeOf<Scalars['fBytes']>().toEqualTypeOf<Uint8Array>();
  expectTypeOf<Lists['fSint64']>().toEqualTypeOf<bigint[]>();
  expectTypeOf<Maps['byUint64']>().toEqualTypeOf<Map<bigint, bigint>>();
  expectTypeOf<Maps['messages']>().toEqualTypeOf<Map<string, Scalars>>();
});

it('lets fields with presence be absent, and no others', () => {
  expectTypeOf<Optionals['fInt32']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Tree['left']>().toEqualTypeOf<Tree | undefined>();
  expectTypeOf<Record['id']>().toEqualTypeOf<number>();
  expectTypeOf<Scalars['fInt32']>().toEqualTypeOf<number>();
});

it('takes any part of a message where one is given, however deep', () => {
  const tree: MessageInit<Tree> = { left: { children: [{}, { value: 3 }] }, named: new Map([['a', { right: {} }]]) };
  const lists: MessageInit<Lists> = { fInt32: [1, 2] as const, fMessage: [{ fString: 'x' }] };
  const optionals: MessageInit<Optionals> = { fInt32: undefined };
  expectTypeOf([tree, lists, optionals]).not.toBeAny();
});

it('refuses fields that do not exist, and values of other types', () => {
  // @ts-expect-error no such field
  const unknownField: MessageInit<Scalars> = { fInt: 1 };
  // @ts-expect-error no such field, deeper
  const deeper: MessageInit<Tree> = { left: { valeu: 1 } };
  // @ts-expect-error a number for a bigint
  const wrongType: MessageInit<Scalars> = { fInt64: 1 };
  // @ts-expect-error an object for a map
  const object: MessageInit<Maps> = { byString: {} };
  // @ts-expect-error a message without fields has none
  const nothing: MessageInit<Nothing> = { x: 1 };
  // @ts-expect-error null is not absent
  const absent: MessageInit<Optionals> = { fInt32: null };
  expectTypeOf([unknownField, deeper, wrongType, object, nothing, absent]).not.toBeAny();
});

it('makes a oneof a discriminated union, undefined when nothing is chosen', () => {
  const read = (message: Choices) => {
    switch (message.choice?.case) {
      case 'fInt64':
        return expectTypeOf(message.choice.value).toEqualTypeOf<bigint>();
      case 'fMessage':
        return expectTypeOf(message.choice.value).toEqualTypeOf<Scalars>();
      case undefined:
        return expectTypeOf(message.choice).toEqualTypeOf<undefined>();
      default:
        return undefined;
    }
  };
  expectTypeOf(read).parameter(0).toEqualTypeOf<Choices>();
  const given: MessageInit<Choices> = { choice: { case: 'fMessage', value: { fBool: true } } };
  // @ts-expect-error the value of another case
  const mixed: MessageInit<Choices> = { choice: { case: 'fInt64', value: 'x' } };
  // @ts-expect-error no such case
  const unknownCase: MessageInit<Choices> = { choice: { case: 'f', value: 'x' } };
  expectTypeOf([given, mixed, unknownCase]).not.toBeAny();
});

it('takes numbers without names for open enums, and only names for closed ones', () => {
  expectTypeOf(Color.RED).toEqualTypeOf<1>();
  const open: Color[] = [Color.BLUE, 77];
  const closed: Kind[] = [Kind.KIND_A, 2];
  // @ts-expect-error a number without a name
  const unnamed: Kind = 3;
  expectTypeOf([open, closed, unnamed]).not.toBeAny();
});

it('types every method of a service', () => {
  type Methods = (typeof Everything)['methods'];
  expectTypeOf<Methods['unary']>().toEqualTypeOf<TypedMethod<Scalars, Lists>>();
  expectTypeOf<Methods['tell']>().toEqualTypeOf<TypedMethod<Scalars, Empty, 'unary', true>>();
  expectTypeOf<Methods['watch']['kind']>().toEqualTypeOf<'server-streaming'>();
  expectTypeOf<typeof Everything>().toExtend<ServiceDefinition>();
  expectTypeOf<keyof Methods>().toEqualTypeOf<'unary' | 'tell' | 'watch' | 'upload' | 'talk' | 'then$'>();
});

it('makes groups messages', () => {
  expectTypeOf<Record['crate'][number]['weight']>().toEqualTypeOf<bigint | undefined>();
  expectTypeOf<NonNullable<Record['box']>['inside']>().toEqualTypeOf<Record | undefined>();
  expectTypeOf<Record['named']>().toEqualTypeOf<Map<string, Part>>();
});
