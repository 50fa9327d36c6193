import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { MessageType } from '../contract.js';
import { type LoadedMessage, loadProtos, loadService } from './index.js';

const shop = {
  sources: {
    'shop.proto': `
      syntax = "proto3";
      package shop;
      import "callgate/options.proto";
      import "google/protobuf/empty.proto";
      message Item {
        string name = 1;
        int64 price_cents = 2;
        optional uint32 left = 3;
        map<uint64, bytes> pictures = 4;
        repeated Item parts = 5;
        oneof state { bool sold = 6; Item replaced_by = 7; }
      }
      service Shop {
        rpc Find(Item) returns (Item) { option (callgate.idempotent) = true; option (callgate.wait_for_ready) = true; option (callgate.timeout) = "5s"; }
        rpc Note(Item) returns (google.protobuf.Empty) { option (callgate.oneway) = true; option (callgate.urgent) = true; option (callgate.signal) = "SIGUSR2"; }
        rpc Watch(Item) returns (stream Item);
      }`,
  },
};

function roundTrip(type: MessageType<LoadedMessage>, message: Record<string, never>): LoadedMessage {
  const bytes = Buffer.alloc(3 + type.size(message) + 3, 0xff);
  const end = type.encode(message, bytes, 3);
  expect(end).toBe(bytes.length - 3);
  const read = type.decode(bytes, 3, end);
  bytes.fill(0);
  return read;
}

it('gives a service whose methods say what the .proto says', () => {
  const { typeName, methods } = loadService(shop, 'shop.Shop');
  expect(typeName).toBe('shop.Shop');
  expect(methods.find).toMatchObject({
    name: 'Find',
    kind: 'unary',
    oneway: false,
    idempotent: true,
    timeout: 5000,
    waitForReady: true,
  });
  expect(methods.note).toMatchObject({
    name: 'Note',
    oneway: true,
    idempotent: false,
    urgent: true,
    signal: 'SIGUSR2',
  });
  expect(methods.note).not.toHaveProperty('timeout');
  expect(methods.find).not.toHaveProperty('urgent');
  expect(methods.note).not.toHaveProperty('waitForReady');
  expect(methods.find).not.toHaveProperty('signal');
  expect(methods.watch).toMatchObject({ kind: 'server-streaming' });
  expect(methods.find?.request).toBe(methods.watch?.response);
});

it('reads and writes messages in the shapes of generated code', () => {
  const { request } = loadService(shop, 'shop.Shop').methods.find!;
  const item = {
    name: 'clock',
    priceCents: -5n,
    left: 0,
    pictures: new Map([[2n ** 64n - 1n, new Uint8Array([1, 2])]]),
    parts: [{ name: 'hand' }],
    state: { case: 'replacedBy', value: { name: 'watch' } },
  };
  const empty = { priceCents: 0n, left: undefined, pictures: new Map(), parts: [], state: undefined };
  expect(roundTrip(request, item as never)).toStrictEqual({
    ...item,
    parts: [{ name: 'hand', ...empty }],
    state: { case: 'replacedBy', value: { name: 'watch', ...empty } },
  });
});

it('refuses bad values with the words of generated code', () => {
  const { request } = loadService(shop, 'shop.Shop').methods.find!;
  const size = (message: object) => () => request.size(message as never);
  expect(size({ name: 5 })).toThrow('cannot encode shop.Item.name: expected a string, found 5');
  expect(size({ priceCents: 5 })).toThrow(
    'cannot encode shop.Item.price_cents: expected a bigint from -2^63 to 2^63 - 1, found 5',
  );
  expect(size({ parts: [null] })).toThrow('cannot encode shop.Item: expected an object, found null');
  expect(size({ parts: {} })).toThrow('cannot encode shop.Item.parts: expected an array, found an object');
  expect(size({ pictures: {} })).toThrow('cannot encode shop.Item.pictures: expected a Map, found an object');
  expect(size({ state: { case: 'lost', value: 1 } })).toThrow(
    'cannot encode shop.Item.state: expected a case that the schema names, found "lost"',
  );
  const circle: { parts: unknown[] } = { parts: [] };
  circle.parts.push(circle);
  expect(size(circle)).toThrow(
    'cannot encode shop.Item: messages are nested more than 100 deep (or contain themselves)',
  );
});

it('refuses bytes that are no message', () => {
  const { request } = loadService(shop, 'shop.Shop').methods.find!;
  expect(() => request.decode(Buffer.from([10, 200]), 0, 2)).toThrow(/^cannot decode shop.Item: index out of range/);
});

it('gives single messages, and schemas that can be compared', () => {
  const protos = loadProtos(shop);
  const item = protos.message('shop.Item');
  expect(item).toBe(protos.service('shop.Shop').methods.find?.request);
  const pictures = item.schema.fields[3];
  expect(pictures).toMatchObject({ number: 4, name: 'pictures', type: 'message', repeated: true });
  expect(pictures?.message?.()).toMatchObject({ typeName: 'shop.Item.PicturesEntry' });
  expect(item.schema.fields[4]?.message?.()).toBe(item.schema);
});

describe('says what is missing', () => {
  it('a service, naming those that there are', () => {
    expect(() => loadService(shop, 'shop.Shp')).toThrow('no service "shop.Shp" is declared; there are: shop.Shop');
  });

  it('a message', () => {
    expect(() => loadProtos(shop).message('shop.Itm')).toThrow('no message "shop.Itm" is declared');
  });

  it('a file', () => {
    expect(() => loadService('/nowhere/x.proto', 'x.X')).toThrow('/nowhere/x.proto: there is no such file');
  });
});

it('is the only part of core that loads protobufjs', () => {
  const loads = (entry: string) => {
    const url = new URL(entry, import.meta.url);
    const program = `
      import { createRequire } from 'node:module';
      await import(${JSON.stringify(url.href)});
      const { cache } = createRequire(${JSON.stringify(fileURLToPath(url))});
      console.log(Object.keys(cache).some((name) => name.includes('protobufjs')));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    return stdout.trim() || stderr;
  };
  expect([loads('../../index.js'), loads('../index.js'), loads('./index.js')]).toEqual(['false', 'false', 'true']);
});
