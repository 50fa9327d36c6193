import protobuf from 'protobufjs';
import type { ProtoFile } from './files.js';
import { type ProtoProblem, protoError } from './problem.js';
import type { Declaration } from './scan.js';

/** protobufjs's parser takes the name of the file, which it notes on everything it finds, from this property. */
const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null };

/** Parses one file into the root, into which `earlier` ones were parsed. Throws INVALID_ARGUMENT (BAD_PROTO). */
export function parseInto(root: protobuf.Root, file: ProtoFile, text: string, earlier: Iterable<ProtoFile>): void {
  const problems = silentProblems(file);
  if (problems.length > 0) throw protoError(problems);
  parser.filename = file.name;
  try {
    protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true });
  } catch (error) {
    throw protoError([inWords(file, error instanceof Error ? error.message : String(error), earlier)], error);
  } finally {
    parser.filename = null;
  }
}

/** What protobufjs takes without a word: it drops what is called `__proto__`, and reads any syntax as proto2. */
function silentProblems(file: ProtoFile): ProtoProblem[] {
  const problems = file.scan.declarations
    .filter(({ name }) => name === '__proto__')
    .map(({ kind, line }) => ({ file: file.path, line, text: `a ${kind} can't be called "__proto__"` }));
  const { syntax } = file.scan;
  if (syntax === undefined || /^(proto2|proto3)$/.test(syntax.name)) return problems;
  const text = `syntax "${syntax.name}" is not known: there are "proto2" and "proto3"`;
  return [{ file: file.path, line: syntax.line, text }, ...problems];
}

/** `illegal token '}' (geo.proto, line 12)`, and messages that name no line, as a problem with one. */
function inWords(file: ProtoFile, message: string, earlier: Iterable<ProtoFile>): ProtoProblem {
  const illegal = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec(message);
  if (illegal !== null) {
    const text = illegal[1]!
      .replace(/^illegal token 'null', '(.*)' expected$/s, 'the file ends where "$1" was expected')
      .replace(/^illegal token '(.*)', '(.*)' expected$/s, 'found "$1" where "$2" was expected')
      .replace(/^illegal .* 'null'$/s, 'the file ends in the middle of a declaration')
      .replace(/^illegal (.*) '(.*)'$/s, 'unexpected $1 "$2"')
      .replace(/^illegal (string|comment)$/, 'a $1 is not ended');
    return { file: file.path, line: Number(illegal[2]), text };
  }
  const { declarations } = file.scan;
  const culprit = twice(declarations) ?? twiceInFiles(declarations, earlier) ?? reserved(declarations, message);
  return { file: file.path, line: culprit?.line, text: culprit?.text ?? message };
}

interface Culprit {
  readonly line: number;
  readonly text: string;
}

/** The first declaration that repeats the name or number of another one of its file. */
function twice(declarations: readonly Declaration[]): Culprit | undefined {
  const seen = new Map<string, Declaration>();
  for (const declaration of declarations) {
    const { kind, fullName, owner, name, number, line } = declaration;
    if (kind === 'option' && name === 'allow_alias') seen.set(`alias ${owner}`, declaration);
    if (kind === 'option' || kind === 'extend') continue;
    const other = seen.get(fullName);
    if (other !== undefined) return { line, text: `"${name}" is declared before, in line ${other.line}` };
    seen.set(fullName, declaration);
    if (number === undefined || (kind === 'value' && seen.has(`alias ${owner}`))) continue;
    const twin = seen.get(`${owner} ${number}`);
    const what = kind === 'field' ? 'field number' : 'enum number';
    if (twin !== undefined) return { line, text: `${what} ${number} of "${name}" is that of "${twin.name}" already` };
    seen.set(`${owner} ${number}`, declaration);
  }
  return undefined;
}

/** The first declaration that repeats the name of one in another file. */
function twiceInFiles(declarations: readonly Declaration[], earlier: Iterable<ProtoFile>): Culprit | undefined {
  for (const file of earlier) {
    for (const { kind, fullName, line } of declarations) {
      const other = file.scan.declarations.find((declaration) => declaration.fullName === fullName);
      if (kind === 'option' || kind === 'extend' || other === undefined) continue;
      return { line, text: `"${fullName}" is declared before, in ${file.path}:${other.line}` };
    }
  }
  return undefined;
}

/** `id 5 is reserved in Type City`, with the line of the field that has it. */
function reserved(declarations: readonly Declaration[], message: string): Culprit | undefined {
  const match = /^(?:id (-?\d+)|name '(.*)') is reserved in \w+ \.?(.*)$/.exec(message);
  if (match === null) return undefined;
  const [, number, name, owner] = match;
  const culprit = declarations.find(
    (d) => (d.number === Number(number) || d.name === name) && (d.owner === owner || d.owner.endsWith(`.${owner}`)),
  );
  const what = number === undefined ? `the name "${name}"` : `the number ${number}`;
  return culprit && { line: culprit.line, text: `${what} is reserved in ${culprit.owner}` };
}
