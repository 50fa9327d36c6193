import { describe, expect, it } from 'vitest';
import { loadProtos } from '../codec/load/index.js';
import { notificationsOf } from './notifications.js';

const proto = `
  syntax = "proto3";
  package house;
  import "callgate/options.proto";
  import "google/protobuf/empty.proto";
  message Guest { uint32 number = 3; }
  message Mood { oneof how { Feeling feeling = 1; } }
  enum Feeling { FINE = 0; }
  message Pair { int32 one = 1; int32 other = 2; }
  message Many { repeated int32 all = 1; }
  message Long { int64 value = 1; }
  message Word { string text = 1; }
  message Deep { Guest guest = 1; }
  message Maps { map<int32, int32> map = 1; }
  service Good {
    rpc Ring(google.protobuf.Empty) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
    rpc Visit(Guest) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
    rpc Feel(Mood) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
  }
  service Answered { rpc Ask(google.protobuf.Empty) returns (google.protobuf.Empty); }
  service Streamed { rpc Watch(google.protobuf.Empty) returns (stream google.protobuf.Empty); }
  ${['Pair', 'Many', 'Long', 'Word', 'Deep', 'Maps']
    .map(
      (type) =>
        `service Of${type} { rpc Send(${type}) returns (google.protobuf.Empty) { option (callgate.oneway) = true; } }`,
    )
    .join('\n')}
`;
const protos = loadProtos({ sources: { 'house.proto': proto } });

const of = (name: string) =>
  notificationsOf(
    Object.values(protos.service(`house.${name}`).methods).map((method) => ({
      path: `${name}/${method.name}`,
      method,
    })),
  );

describe('A service of notifications', () => {
  it('has one-way methods whose requests are empty or have one field of 32 bits', () => {
    expect(of('Good')).toEqual([
      { path: 'Good/Ring', value: undefined, field: 0 },
      { path: 'Good/Visit', value: 'uint32', field: 3 },
      { path: 'Good/Feel', value: 'enum', field: 1 },
    ]);
  });

  it.each([
    ['Answered', 'Answered/Ask', 'it is answered (it has no option (callgate.oneway))'],
    ['Streamed', 'Streamed/Watch', 'it is server-streaming'],
    ['OfPair', 'OfPair/Send', 'house.Pair has 2 fields'],
    ['OfMany', 'OfMany/Send', 'house.Many has a repeated field, "all"'],
    ['OfLong', 'OfLong/Send', 'house.Long has a field of type int64, "value"'],
    ['OfWord', 'OfWord/Send', 'house.Word has a field of type string, "text"'],
    ['OfDeep', 'OfDeep/Send', 'house.Deep has a field of type message, "guest"'],
    ['OfMaps', 'OfMaps/Send', 'house.Maps has a repeated field, "map"'],
  ])('is not %s', (service, path, why) => {
    expect(() => of(service)).toThrow(
      `${path} can't be a notification: ${why}. Every method must be one-way, and its request empty or one field of 32 bits (uint32, int32, sint32, fixed32, sfixed32, bool, enum, float)`,
    );
  });
});
