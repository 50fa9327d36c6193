import { Observable } from 'rxjs';
import { expect, expectTypeOf, it } from 'vitest';
import type { RpcStream, StreamSource } from '../channel/index.js';
import type { Handlers } from '../server/index.js';
import type { Streams, Text } from '../testing/text-service.js';
import type { CallOptions, Client, SyncClient } from './index.js';

type Init = { readonly text?: string | undefined };

it('types a stub by the kinds of its methods', () => {
  type Stub = Client<typeof Streams>;
  expectTypeOf<Stub['echo']>().toEqualTypeOf<(request: Init, options?: CallOptions) => Promise<Text>>();
  expectTypeOf<Stub['list']>().toEqualTypeOf<(request: Init, options?: CallOptions) => RpcStream<Text>>();
  expectTypeOf<Stub['join']>().toEqualTypeOf<(requests: StreamSource<Init>, options?: CallOptions) => Promise<Text>>();
  expectTypeOf<Stub['chat']>().toEqualTypeOf<
    (requests: StreamSource<Init>, options?: CallOptions) => RpcStream<Text>
  >();
  expectTypeOf<RpcStream<Text>>().toExtend<Observable<Text> & AsyncIterable<Text>>();
});

it('types a blocking stub with iterables', () => {
  type Stub = SyncClient<typeof Streams>;
  expectTypeOf<Stub['list']>().returns.toEqualTypeOf<Iterable<Text>>();
  expectTypeOf<Stub['join']>().toEqualTypeOf<(requests: Iterable<Init>, options?: CallOptions) => Text>();
  expectTypeOf<Stub['chat']>().toEqualTypeOf<(requests: Iterable<Init>, options?: CallOptions) => Iterable<Text>>();
});

it('takes whatever gives replies from a handler, and nothing else', () => {
  type List = Handlers<typeof Streams>['list'];
  const good: List[] = [
    () => [{ text: 'a' }],
    async () => [{}],
    () => new Observable<Text>(),
    function* () {
      yield { text: 'a' };
    },
    async function* () {
      yield {};
    },
  ];
  // @ts-expect-error a reply is no stream of them
  const single: List = () => ({ text: 'a' });
  // @ts-expect-error no such field
  const strange: List = () => [{ txet: 'a' }];
  expect([good.length, single, strange]).toHaveLength(3);
});

it('has handlers for every method, and gives streams to those that read them', () => {
  type All = Handlers<typeof Streams>;
  expectTypeOf<keyof All>().toEqualTypeOf<'echo' | 'list' | 'join' | 'chat'>();
  expectTypeOf<Parameters<All['join']>[0]>().toEqualTypeOf<RpcStream<Text>>();
  expectTypeOf<Parameters<All['list']>[0]>().toEqualTypeOf<Text>();
});
