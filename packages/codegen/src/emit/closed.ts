/** The enums of proto2, whose unnamed numbers are no values of theirs. */
import type { EnumModel, FileModel } from '@callgate/core/codec/proto';
import type { Names } from './names.js';
import type { Code } from './text.js';

/** The set of a closed enum's numbers, by its name in this file. */
export function closedNumbers(model: EnumModel, names: Names): string {
  return `${names.type(model)}$numbers`;
}

export function emitClosedNumbers(code: Code, file: FileModel, names: Names): void {
  const values = file.messages.flatMap((message) => message.fields.map((field) => field.value));
  for (const model of new Set(values)) {
    if (model.kind !== 'enum' || !model.closed) continue;
    const set = closedNumbers(model, names);
    code.line('', `const ${set}: ReadonlySet<number> = new Set(Object.values(${names.type(model)}));`);
  }
}
