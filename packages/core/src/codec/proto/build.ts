import protobuf from 'protobufjs';
import { buildFields } from './build-fields.js';
import { buildServices } from './build-services.js';
import { type Building, declared, features } from './declared.js';
import type { LoadedFiles, ProtoFile } from './files.js';
import type { EnumModel, FileModel, MessageModel, ProtoModel, ServiceModel } from './model.js';
import { type ProtoProblem, protoError } from './problem.js';
import { at, each, resolveTypes } from './resolve.js';

/** Turns parsed files into a model. Throws INVALID_ARGUMENT (BAD_PROTO) with all problems found. */
export function buildModel(loaded: LoadedFiles): ProtoModel {
  const { root, files } = loaded;
  const { problems: unresolved } = resolveTypes(loaded);
  if (unresolved.length > 0) throw protoError(unresolved);
  try {
    root.resolveAll();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw protoError([{ file: files[0]?.path ?? '', line: undefined, text }], error);
  }

  const problems: ProtoProblem[] = [];
  const models = new Map(files.map((file) => [file.name, emptyFile(file)]));
  const types = new Map<protobuf.ReflectionObject, MessageModel | EnumModel>();
  const scoped: [ProtoFile, Building<MessageModel>][] = [];
  each(root, (object) => {
    const file = files.find(({ name }) => name === object.filename);
    const model = file && models.get(file.name);
    if (file === undefined || model === undefined) return;
    if (object instanceof protobuf.Type) {
      const message: Building<MessageModel> = {
        kind: 'message',
        ...declared(file, model, object),
        fields: [],
        oneofs: [],
        reflected: object,
      };
      types.set(object, message);
      model.messages.push(message);
      scoped.push([file, message]);
    } else if (object instanceof protobuf.Enum) {
      const enumeration = buildEnum(file, model, object, problems);
      types.set(object, enumeration);
      model.enums.push(enumeration);
    }
  });
  for (const [file, message] of scoped) buildFields(file, message, types, problems);
  for (const file of files) buildServices(file, models.get(file.name)!, root, types, problems);
  if (problems.length > 0) throw protoError(problems);
  return { files: [...models.values()] };
}

interface FileBuilding extends FileModel {
  readonly messages: MessageModel[];
  readonly enums: EnumModel[];
  readonly services: ServiceModel[];
}

function emptyFile({ name, path, requested, scan }: ProtoFile): FileBuilding {
  return { name, path, requested, package: scan.package, messages: [], enums: [], services: [] };
}

function buildEnum(file: ProtoFile, model: FileModel, object: protobuf.Enum, problems: ProtoProblem[]): EnumModel {
  const values = Object.entries(object.values).map(([name, number]) => ({
    name,
    number,
    comment: object.comments[name] ?? undefined,
    deprecated: object.valuesOptions?.[name]?.deprecated === true,
  }));
  const closed = features(object).enum_type === 'CLOSED';
  if (values.length === 0) problems.push(at(file, object, `enum "${object.name}" has no values`));
  else if (!closed && values[0]?.number !== 0) {
    problems.push(at(file, object, `the first value of enum "${object.name}" must have the number 0`));
  }
  return { kind: 'enum', ...declared(file, model, object), values, closed };
}
