/**
 * Files that can be imported without lying in an include directory: Callgate's options, and the well-known types of
 * protobuf, whose definitions are part of its format. Source: https://protobuf.dev/reference/protobuf/google.protobuf/
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const OPTIONS_PROTO = 'callgate/options.proto';
export const HANDLE_PROTO = 'callgate/handle.proto';

const texts: Readonly<Record<string, string>> = {
  // Its options are known by name; parsing their declarations would only bring in all of descriptor.proto.
  [OPTIONS_PROTO]: 'syntax = "proto3";\npackage callgate;\n',
  [HANDLE_PROTO]: `syntax = "proto3";

package callgate;

// An open file descriptor, which travels beside the message.
message Handle {
  // Which of those that travel with the message, from 1.
  uint32 number = 1;
}
`,
  'google/protobuf/any.proto': wellKnown(`
// A message of any type, with a URL that names the type.
message Any {
  // Ends in the full name of the type, such as type.googleapis.com/geo.City.
  string type_url = 1;
  // The encoded message.
  bytes value = 2;
}`),
  'google/protobuf/duration.proto': wellKnown(`
// A signed span of time.
message Duration {
  // From -315,576,000,000 to 315,576,000,000.
  int64 seconds = 1;
  // From -999,999,999 to 999,999,999, with the sign of seconds.
  int32 nanos = 2;
}`),
  'google/protobuf/empty.proto': wellKnown(`
// Nothing: for methods without a request or a reply.
message Empty {}`),
  'google/protobuf/field_mask.proto': wellKnown(`
// Names some fields of a message.
message FieldMask {
  // Names joined by dots, such as location.latitude.
  repeated string paths = 1;
}`),
  'google/protobuf/struct.proto': wellKnown(`
// A JSON object.
message Struct {
  map<string, Value> fields = 1;
}

// Any JSON value.
message Value {
  oneof kind {
    NullValue null_value = 1;
    double number_value = 2;
    string string_value = 3;
    bool bool_value = 4;
    Struct struct_value = 5;
    ListValue list_value = 6;
  }
}

// JSON's null.
enum NullValue {
  NULL_VALUE = 0;
}

// A JSON array.
message ListValue {
  repeated Value values = 1;
}`),
  'google/protobuf/timestamp.proto': wellKnown(`
// An instant of UTC.
message Timestamp {
  // Since 1970-01-01T00:00:00Z.
  int64 seconds = 1;
  // From 0 to 999,999,999, counting forward in time.
  int32 nanos = 2;
}`),
  'google/protobuf/wrappers.proto': wellKnown(
    ['double', 'float', 'int64', 'uint64', 'int32', 'uint32', 'bool', 'string', 'bytes'].map(wrapper).join(''),
  ),
};

/** Those whose text protobufjs brings along; descriptor.proto is what custom options extend. */
const shipped = [
  'google/protobuf/api.proto',
  'google/protobuf/descriptor.proto',
  'google/protobuf/source_context.proto',
  'google/protobuf/type.proto',
];

/** The text of a bundled file, or undefined for any other name. */
export function bundledText(name: string): string | undefined {
  if (Object.hasOwn(texts, name)) return texts[name];
  if (!shipped.includes(name)) return undefined;
  return readFileSync(createRequire(import.meta.url).resolve(`protobufjs/${name}`), 'utf8');
}

function wellKnown(body: string): string {
  return `syntax = "proto3";\npackage google.protobuf;\n${body}\n`;
}

function wrapper(type: string): string {
  const name = `${type.charAt(0).toUpperCase()}${type.slice(1)}Value`.replace('Uint', 'UInt');
  return `\n// A ${type} that can be absent.\nmessage ${name} {\n  ${type} value = 1;\n}\n`;
}
