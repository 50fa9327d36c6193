/**
 * Resolves type names by protobuf's own rules: innermost scope first, and only what a file imports. protobufjs would
 * also look into packages below and into files that were never imported; so every reference is made absolute here.
 */
import protobuf from 'protobufjs';
import type { LoadedFiles, ProtoFile } from './files.js';
import type { ProtoProblem } from './problem.js';

type Declared = protobuf.Type | protobuf.Enum;

export interface Resolution {
  /** Messages and enums by full name, without a leading dot. */
  readonly types: ReadonlyMap<string, Declared>;
  readonly problems: readonly ProtoProblem[];
}

export function resolveTypes({ root, files }: LoadedFiles): Resolution {
  const types = new Map<string, Declared>();
  const problems: ProtoProblem[] = [];
  const visible = visibleFiles(files);
  each(root, (object) => {
    if (object instanceof protobuf.Type || object instanceof protobuf.Enum) types.set(nameOf(object), object);
  });

  const absolute = (reference: string, from: protobuf.ReflectionObject, scope: string): string => {
    const file = files.find(({ name }) => name === from.filename);
    if (file === undefined) return reference;
    const candidates = reference.startsWith('.') ? [reference.slice(1)] : scoped(reference, scope);
    const name = candidates.find((candidate) => types.has(candidate));
    if (name === undefined) {
      problems.push(at(file, from, `"${reference}" is not defined`));
      return reference;
    }
    const home = types.get(name)?.filename;
    if (home && !visible.get(file.name)?.has(home)) {
      problems.push(at(file, from, `"${reference}" is defined in "${home}", which is not imported`));
    }
    return `.${name}`;
  };

  const message = (reference: string, method: protobuf.Method, scope: string): string => {
    const name = absolute(reference, method, scope);
    const file = files.find((candidate) => candidate.name === method.filename);
    if (file && types.get(name.slice(1)) instanceof protobuf.Enum) {
      problems.push(at(file, method, `"${reference}" is an enum: methods take and give messages`));
    }
    return name;
  };

  each(root, (object) => {
    if (object instanceof protobuf.Type) {
      for (const field of object.fieldsArray) {
        // A field without a file is the shadow of an extension in the message that it extends. Messages carry no
        // extensions: when read, they are unknown fields.
        if (!field.filename) object.remove(field);
        else if (!scalars.includes(field.type)) field.type = absolute(field.type, field, nameOf(object));
      }
    } else if (object instanceof protobuf.Service) {
      for (const method of Object.values(object.methods)) {
        method.requestType = message(method.requestType, method, nameOf(object));
        method.responseType = message(method.responseType, method, nameOf(object));
      }
    } else if (object instanceof protobuf.Field) {
      const scope = object.parent === null ? '' : nameOf(object.parent);
      if (!scalars.includes(object.type)) object.type = absolute(object.type, object, scope);
      if (object.extend !== undefined) absolute(object.extend, object, scope);
    }
  });
  return { types, problems };
}

const scalars =
  'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes'.split(' ');

/** `Point` within `geo.City`: `geo.City.Point`, `geo.Point`, `Point`. */
function scoped(reference: string, scope: string): string[] {
  const candidates: string[] = [];
  for (let parts = scope === '' ? [] : scope.split('.'); ; parts = parts.slice(0, -1)) {
    candidates.push([...parts, reference].join('.'));
    if (parts.length === 0) return candidates;
  }
}

/** Which files each file sees: itself, its imports, and what those import publicly, however far. */
function visibleFiles(files: readonly ProtoFile[]): Map<string, ReadonlySet<string>> {
  const byName = new Map(files.map((file) => [file.name, file]));
  const publicly = (name: string, into: Set<string>): void => {
    if (into.has(name)) return;
    into.add(name);
    for (const { path, isPublic } of byName.get(name)?.scan.imports ?? []) if (isPublic) publicly(path, into);
  };
  return new Map(
    files.map((file) => {
      const seen = new Set<string>();
      for (const { path } of file.scan.imports) publicly(path, seen);
      return [file.name, seen.add(file.name)];
    }),
  );
}

/** Calls back for everything declared below a namespace; extensions among it, but not the fields of messages. */
export function each(namespace: protobuf.NamespaceBase, visit: (object: protobuf.ReflectionObject) => void): void {
  for (const object of namespace.nestedArray) {
    visit(object);
    if (object instanceof protobuf.Namespace) each(object, visit);
  }
}

/** Full name without the leading dot. */
export function nameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

/** A problem with a declaration, with the line on which it stands. */
export function at(file: ProtoFile, object: protobuf.ReflectionObject, text: string, option?: string): ProtoProblem {
  const name = nameOf(object);
  const { declarations } = file.scan;
  const line =
    declarations.find(({ fullName }) => fullName === `${name} ${option}`)?.line ??
    declarations.find(({ fullName }) => fullName === name)?.line;
  return { file: file.path, line, text };
}
