import { posix } from 'node:path';
import * as runtime from '@callgate/core/codec';
import type { EnumModel, FileModel, MessageModel, ServiceModel } from '@callgate/core/codec/proto';
import { type ProtoProblem, protoError } from '@callgate/core/codec/proto';

type TypeModel = MessageModel | EnumModel;

/** Types that generated code takes from the runtime; its functions are found by looking. */
const runtimeTypes = ['DirectMessageType', 'Handle', 'MessageInit', 'ServiceDefinition', 'TypedMethod'];

/** What cannot be the name of a type or constant in generated code. */
const reserved = new Set([
  ...'break case catch class const continue debugger default delete do else enum export extends false finally for'.split(
    ' ',
  ),
  ...'function if import in instanceof new null return super switch this throw true try typeof var void while'.split(
    ' ',
  ),
  ...'with let static yield await async of implements interface package private protected public as'.split(' '),
  ...'any unknown never string number boolean symbol object bigint undefined arguments eval NaN Infinity'.split(' '),
  ...['Buffer', 'Map', 'Object', 'ReadonlySet', 'Set', 'Uint8Array', 'globalThis'],
  ...Object.keys(runtime),
  ...runtimeTypes,
]);

/** Variables of generated functions, which fields must not hide. */
const variables = [
  ...[
    'at',
    'base',
    'before',
    'bound',
    'bytes',
    'depth',
    'end',
    'item',
    'key',
    'length',
    'message',
    'pos',
    'size',
    'start',
    'tag',
  ],
  ...['until', 'value'],
];

/** `geo.NearestReply.Neighbour` -> `NearestReply_Neighbour`. A `$` cannot be in a .proto, so it makes any name free. */
export function tsName({ typeName, file }: { readonly typeName: string; readonly file: FileModel }): string {
  const local = file.package === '' ? typeName : typeName.slice(file.package.length + 1);
  const name = local.replaceAll('.', '_');
  return reserved.has(name) ? `${name}$` : name;
}

/** Throws INVALID_ARGUMENT (BAD_PROTO) when two declarations of a file would have one name. */
export function checkNames(file: FileModel): void {
  const taken = new Map<string, MessageModel | EnumModel | ServiceModel>();
  const problems: ProtoProblem[] = [];
  for (const model of [...file.messages, ...file.enums, ...file.services]) {
    const name = tsName(model);
    const other = taken.get(name);
    if (other === undefined) taken.set(name, model);
    else {
      const text = `"${model.typeName}" and "${other.typeName}" both become "${name}" in TypeScript`;
      problems.push({ file: file.path, line: model.line, text });
    }
  }
  if (problems.length > 0) throw protoError(problems);
}

/** The names of one generated file: its own types, those it imports, and what it takes from the runtime. */
export class Names {
  readonly #file: FileModel;
  readonly #own: ReadonlySet<string>;
  readonly #imported = new Map<TypeModel, string>();
  readonly #used = new Set<string>();

  constructor(file: FileModel) {
    this.#file = file;
    this.#own = new Set([...file.messages, ...file.enums, ...file.services].map(tsName));
    for (const model of references(file)) this.#import(model);
  }

  #import(model: TypeModel): void {
    if (model.file === this.#file || this.#imported.has(model)) return;
    const taken = new Set([...this.#own, ...this.#imported.values()]);
    let name = tsName(model);
    for (let count = 1; taken.has(name); count++) name = `${tsName(model)}$${count}`;
    this.#imported.set(model, name);
  }

  /** A message's or enum's identifier in this file. */
  type(model: TypeModel): string {
    return this.#imported.get(model) ?? tsName(model);
  }

  /** The function of a message's codec: hoisted in its own file, a member of its constant in others. */
  codec(model: MessageModel, part: 'size' | 'encode' | 'decode' | 'checkRequired' | 'bound' | 'pack'): string {
    if (model.file === this.#file) return `${this.type(model)}$${part}`;
    // Who asks knows that it has them.
    return `${this.type(model)}.${part}${part === 'bound' || part === 'pack' ? '!' : ''}`;
  }

  /** Notes that something of the runtime is used. */
  run(name: string): string {
    this.#used.add(name);
    return name;
  }

  /** A variable for a field that hides nothing. */
  variable(localName: string): string {
    let name = localName;
    const others = new Set([...variables, ...this.#own, ...this.#imported.values()]);
    while (reserved.has(name) || others.has(name)) name += '$';
    return name;
  }

  /** What is imported from the runtime, in the order in which formatters leave it. */
  get runtimeImports(): readonly string[] {
    const names = [...this.#used].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return names.map((name) => (runtimeTypes.includes(name) ? `type ${name}` : name));
  }

  /** What is imported from other generated files, by their paths relative to this one. */
  get typeImports(): ReadonlyMap<string, readonly string[]> {
    const imports = new Map<string, string[]>();
    for (const [model, name] of this.#imported) {
      const path = relativeModule(this.#file.name, model.file.name);
      const original = tsName(model);
      imports.set(path, [...(imports.get(path) ?? []), name === original ? name : `${original} as ${name}`]);
    }
    return new Map([...imports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, names]) => [path, names.sort()]));
  }
}

/** Messages and enums that a file's fields and methods mention, in order. */
export function references(file: FileModel): TypeModel[] {
  const fields = file.messages.flatMap((message) => message.fields.map((field) => field.value));
  const methods = file.services.flatMap((service) => service.methods.flatMap((m) => [m.request, m.response]));
  return [...fields.filter((value) => value.kind !== 'scalar'), ...methods];
}

/** The module of a .proto file: `google/protobuf/empty.proto` -> `google/protobuf/empty.ts`. */
export function outputPath(protoName: string): string {
  return `${protoName.replace(/\.proto$/, '')}.ts`;
}

function relativeModule(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), outputPath(to)).replace(/\.ts$/, '.js');
  return path.startsWith('.') ? path : `./${path}`;
}
