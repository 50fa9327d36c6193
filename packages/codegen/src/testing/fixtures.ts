/** The fixtures as models, and every generated message type with its counterpart over protobufjs. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MessageSchema, MessageType } from '@callgate/core/codec';
import { loadProtos } from '@callgate/core/codec/load';
import { type MessageModel, readProtos } from '@callgate/core/codec/proto';
import * as deep from './gen/common/deep.js';
import * as everything from './gen/everything.js';
import * as struct from './gen/google/protobuf/struct.js';
import * as legacy from './gen/legacy.js';
import * as modern from './gen/modern.js';

export const fixturesDir = fileURLToPath(new URL('../../fixtures', import.meta.url));
/** Of the whole project. */
export const rootDir = join(fixturesDir, '../../..');
export const fixtureFiles = ['everything.proto', 'legacy.proto', 'modern.proto'].map(
  (name) => `${fixturesDir}/${name}`,
);

export type AnyMessage = Record<string, unknown>;

/** A message type, for messages whose properties only the test knows. */
export interface AnyType {
  size(message: AnyMessage, depth?: number): number;
  encode(message: AnyMessage, bytes: Buffer, start: number): number;
  decode(bytes: Buffer, start: number, end: number): AnyMessage;
  readonly bound?: InOnePass['bound'] | undefined;
  readonly pack?: InOnePass['pack'] | undefined;
  readonly schema: MessageSchema;
}

interface InOnePass {
  bound(message: AnyMessage): number;
  pack(message: AnyMessage, bytes: Buffer, start: number): number;
}

export interface Fixture {
  readonly typeName: string;
  readonly model: MessageModel;
  /** The generated codec. */
  readonly direct: AnyType;
  /** protobufjs's. */
  readonly reflected: AnyType;
}

const input = { files: fixtureFiles, includeDirs: [fixturesDir] };
const loaded = loadProtos(input);
const generated = Object.values({ ...everything, ...legacy, ...modern, ...deep, ...struct }) as unknown[];

export const fixtures: readonly Fixture[] = readProtos(input)
  .files.flatMap((file) => file.messages)
  .flatMap((model) => {
    const direct = generated.find((value) => isType(value) && value.typeName === model.typeName);
    const { typeName } = model;
    return isType(direct) ? [{ typeName, model, direct, reflected: loaded.message(typeName) }] : [];
  });

function isType(value: unknown): value is MessageType<AnyMessage> {
  return typeof value === 'object' && value !== null && 'typeName' in value && 'decode' in value;
}
