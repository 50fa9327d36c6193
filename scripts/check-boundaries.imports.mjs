// Finds everything that one source file loads, whatever the spelling.
import { parseSync, Visitor } from 'oxc-parser';

/**
 * @typedef {object} Import
 * @property {string | undefined} specifier What is loaded; undefined when it is computed and so cannot be judged.
 * @property {number} line From 1.
 * @property {boolean} typeOnly Erased before it runs.
 */

/**
 * Static and dynamic imports, re-exports, `import('x')` types, `require`, `require.resolve`, `import.meta.resolve`,
 * `new URL('./x', import.meta.url)` and `process.getBuiltinModule`.
 * @param {string} file Its name, whose ending says which language it is.
 * @param {string} source
 * @returns {Import[]} In the order in which they stand.
 */
export function importsOf(file, source) {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const starts = lineStarts(source);
  const found = [];
  const add = (node, typeOnly = false) => {
    found.push({ specifier: constant(node), line: lineAt(starts, node.start), typeOnly, start: node.start });
  };

  new Visitor({
    ImportDeclaration: (node) =>
      add(node.source, node.importKind === 'type' || onlyTypes(node.specifiers, 'importKind')),
    ExportNamedDeclaration: (node) => {
      if (node.source) add(node.source, node.exportKind === 'type' || onlyTypes(node.specifiers, 'exportKind'));
    },
    ExportAllDeclaration: (node) => add(node.source, node.exportKind === 'type'),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source, true),
    TSExternalModuleReference: (node) => add(node.expression),
    CallExpression: (node) => {
      if (node.arguments.length > 0 && loads(node.callee)) add(node.arguments[0]);
    },
    NewExpression: (node) => {
      const [path, base] = node.arguments;
      const isUrl = node.callee.type === 'Identifier' && node.callee.name === 'URL';
      if (isUrl && base && text(source, base).startsWith('import.meta.') && constant(path) !== undefined) add(path);
    },
  }).visit(program);

  return found
    .sort((a, b) => a.start - b.start)
    .map(({ specifier, line, typeOnly }) => ({ specifier, line, typeOnly }));
}

/** `require(x)`, `a.require(x)`, `require.resolve(x)`, `import.meta.resolve(x)`, `process.getBuiltinModule(x)`. */
function loads(callee) {
  if (callee.type === 'Identifier') return callee.name === 'require';
  if (callee.type !== 'MemberExpression' || callee.computed) return false;
  const { object, property } = callee;
  if (property.name === 'require' || property.name === 'getBuiltinModule') return true;
  return property.name === 'resolve' && (object.type === 'MetaProperty' || loads(object));
}

function onlyTypes(specifiers, kind) {
  return specifiers.length > 0 && specifiers.every((specifier) => specifier[kind] === 'type');
}

function constant(node) {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0].value.cooked;
  return undefined;
}

function text(source, node) {
  return source.slice(node.start, node.end);
}

function lineStarts(source) {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts, offset) {
  let line = starts.length;
  while (starts[line - 1] > offset) line--;
  return line;
}
