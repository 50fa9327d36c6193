import type protobuf from 'protobufjs';
import type { ProtoFile } from './files.js';
import type { FileModel } from './model.js';
import { at, nameOf } from './resolve.js';

/** TypeScript's readonly, taken off while a model is being put together. */
export type Building<T> = { -readonly [K in keyof T]: T[K] };

/** What messages, enums and services have in common. */
export function declared(file: ProtoFile, model: FileModel, object: protobuf.ReflectionObject) {
  return {
    typeName: nameOf(object),
    file: model,
    line: at(file, object, '').line,
    comment: object.comment ?? undefined,
    deprecated: object.getOption('deprecated') === true,
  };
}

/** How protobufjs notes what proto2, proto3 and the editions differ in, once everything is resolved. */
export interface Features {
  readonly enum_type?: string;
  readonly utf8_validation?: string;
}

export function features(object: protobuf.ReflectionObject): Features {
  return (object as unknown as { readonly _features: Features })._features;
}
