/** What .proto files declare, resolved, checked and named: what a code generator and the run-time loader work from. */
import type protobuf from 'protobufjs';
import type { MethodKind } from '../contract.js';

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'
  /** `callgate.Handle`: a message on the wire, and one value to everybody else. */
  | 'handle';

export interface ProtoModel {
  /** In the order in which they were met: importers before what they import. */
  readonly files: readonly FileModel[];
}

export interface FileModel {
  /** As imports write it, such as `google/protobuf/timestamp.proto`. */
  readonly name: string;
  /** As people know it. */
  readonly path: string;
  readonly package: string;
  /** Asked for by itself, not only imported. */
  readonly requested: boolean;
  /** Nested ones too, each behind the one that it is in. */
  readonly messages: readonly MessageModel[];
  readonly enums: readonly EnumModel[];
  readonly services: readonly ServiceModel[];
}

interface Declared {
  /** Full name, such as `geo.NearestReply.Neighbour`. */
  readonly typeName: string;
  readonly file: FileModel;
  /** On which it is declared. */
  readonly line: number | undefined;
  readonly comment: string | undefined;
  readonly deprecated: boolean;
}

export interface MessageModel extends Declared {
  readonly kind: 'message';
  /** By number. */
  readonly fields: readonly FieldModel[];
  readonly oneofs: readonly OneofModel[];
  /** Its protobufjs counterpart. */
  readonly reflected: protobuf.Type;
}

export interface EnumModel extends Declared {
  readonly kind: 'enum';
  readonly values: readonly EnumValueModel[];
  /** proto2: numbers without a name are treated as unknown fields. */
  readonly closed: boolean;
}

export interface EnumValueModel {
  readonly name: string;
  readonly number: number;
  readonly comment: string | undefined;
  readonly deprecated: boolean;
}

/** What a field's value is: a scalar, an enum or a message. */
export type ValueModel = { readonly kind: 'scalar'; readonly scalar: ScalarType } | EnumModel | MessageModel;

export interface FieldModel {
  /** As in the .proto, such as `distance_km`. */
  readonly name: string;
  /** As a property, such as `distanceKm`. */
  readonly localName: string;
  /** Full name, such as `geo.NearestReply.Neighbour.distance_km`. */
  readonly fullName: string;
  readonly number: number;
  readonly comment: string | undefined;
  readonly deprecated: boolean;
  /** Of a map, its values'. */
  readonly value: ValueModel;
  readonly shape: 'singular' | 'repeated' | 'map';
  /** Of a map. */
  readonly key: ScalarType | undefined;
  /** Of a map: what protobuf calls its entries, such as `geo.StatisticsReply.BySizeEntry`. */
  readonly entryName: string | undefined;
  /** Of singular fields: whether absence differs from the default value. Members of oneofs are `explicit`. */
  readonly presence: 'implicit' | 'explicit' | 'required';
  readonly oneof: OneofModel | undefined;
  /** Repeated, and written as one block. Reading takes both forms. */
  readonly packed: boolean;
  /** A message between start and end tags: a group of proto2. */
  readonly group: boolean;
  /** A string that must be UTF-8 when read. */
  readonly strictUtf8: boolean;
  /** The default value that proto2 states, for people. */
  readonly default: string | undefined;
}

export interface OneofModel {
  readonly name: string;
  readonly localName: string;
  readonly fullName: string;
  readonly comment: string | undefined;
  readonly fields: readonly FieldModel[];
}

export interface ServiceModel extends Declared {
  readonly methods: readonly MethodModel[];
}

export interface MethodModel {
  /** As in the .proto, such as `LookUp`. */
  readonly name: string;
  /** As on stubs and handlers, such as `lookUp`. */
  readonly localName: string;
  readonly comment: string | undefined;
  readonly deprecated: boolean;
  readonly kind: MethodKind;
  readonly request: MessageModel;
  readonly response: MessageModel;
  readonly oneway: boolean;
  readonly idempotent: boolean;
  readonly ordered: boolean;
  readonly timeout: 'never' | 'immediate' | number | undefined;
  readonly urgent: boolean | undefined;
  readonly waitForReady: boolean | undefined;
  readonly signal: string | undefined;
}
