import protobuf from 'protobufjs';
import type { MethodKind } from '../contract.js';
import { isHandleType } from './build-fields.js';
import { declared } from './declared.js';
import type { ProtoFile } from './files.js';
import type { EnumModel, FileModel, MessageModel, MethodModel, ServiceModel } from './model.js';
import { methodName } from './names.js';
import { readMethodOptions } from './options.js';
import type { ProtoProblem } from './problem.js';
import { at, each } from './resolve.js';

type Types = ReadonlyMap<protobuf.ReflectionObject, MessageModel | EnumModel>;

const EMPTY = 'google.protobuf.Empty';

/** Fills a file's services. */
export function buildServices(
  file: ProtoFile,
  model: FileModel & { readonly services: ServiceModel[] },
  root: protobuf.Root,
  types: Types,
  problems: ProtoProblem[],
): void {
  each(root, (object) => {
    if (!(object instanceof protobuf.Service) || object.filename !== file.name) return;
    const methods: MethodModel[] = [];
    for (const method of object.methodsArray) {
      const built = buildMethod(file, method, types, problems);
      if (built === undefined) continue;
      const twin = methods.find(({ localName }) => localName === built.localName);
      if (twin === undefined) methods.push(built);
      else
        problems.push(
          at(file, method, `"${method.name}" and "${twin.name}" both become the method "${built.localName}"`),
        );
    }
    model.services.push({ ...declared(file, model, object), methods });
  });
}

function buildMethod(
  file: ProtoFile,
  method: protobuf.Method,
  types: Types,
  problems: ProtoProblem[],
): MethodModel | undefined {
  method.resolve();
  const request = method.resolvedRequestType && types.get(method.resolvedRequestType);
  const response = method.resolvedResponseType && types.get(method.resolvedResponseType);
  if (request?.kind !== 'message' || response?.kind !== 'message') {
    problems.push(at(file, method, `"${method.name}" takes or gives something that is not a message`));
    return undefined;
  }
  if (isHandleType(request) || isHandleType(response)) {
    const text = `"${method.name}" takes or gives callgate.Handle itself: make it a field of a message`;
    problems.push(at(file, method, text));
    return undefined;
  }
  const options = readMethodOptions(file, method, problems);
  const kind = kindOf(method);
  if (options.oneway && (kind !== 'unary' || response.typeName !== EMPTY)) {
    const text = `"${method.name}" is oneway: it must return ${EMPTY}, and stream nothing`;
    problems.push(at(file, method, text, '(callgate.oneway)'));
  }
  return {
    name: method.name,
    localName: methodName(method.name),
    comment: method.comment ?? undefined,
    deprecated: method.getOption('deprecated') === true,
    kind,
    request,
    response,
    ...options,
  };
}

function kindOf(method: protobuf.Method): MethodKind {
  if (method.requestStream) return method.responseStream ? 'bidi-streaming' : 'client-streaming';
  return method.responseStream ? 'server-streaming' : 'unary';
}
