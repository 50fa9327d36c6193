// Fails when a source file imports what its room must not use. `node scripts/check-boundaries.mjs [root]`
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importsOf } from './check-boundaries.imports.mjs';
import { confined, entries, exceptions, rows } from './check-boundaries.rules.mjs';

const isCode = /\.[cm]?[jt]sx?$/;

/** Paths below `root` of every source file that the rules are about. */
function sources(root) {
  const units = [...subfolders(root, 'packages'), 'examples', 'bench'];
  const folders = units.flatMap((unit) => [`${unit}/src`, `${unit}/bin`]).filter((dir) => existsSync(join(root, dir)));
  return folders
    .flatMap((dir) => readdirSync(join(root, dir), { recursive: true }).map((name) => `${dir}/${name}`))
    .map((file) => file.split(sep).join('/'))
    .filter((file) => isCode.test(file))
    .sort();
}

function subfolders(root, dir) {
  return existsSync(join(root, dir)) ? readdirSync(join(root, dir)).map((name) => `${dir}/${name}`) : [];
}

/** The row of a file, with the room's own name where the row is for several (`transport-shm` for `transport-*`). */
function rowOf(file) {
  for (const row of rows) {
    const match = row.files.exec(file);
    if (match !== null) return { ...row, room: match[1] ?? row.room };
  }
  return undefined;
}

/** The room beside which a test stands, as rows other than that of the tests say. */
function neighbourOf(file) {
  const row = rows.find((candidate) => candidate.room !== 'tests' && candidate.files.test(file));
  return row === undefined ? undefined : (row.files.exec(file)?.[1] ?? row.room);
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The part of the repository that is published or run as one. */
function unitOf(file) {
  return /^(packages\/[^/]+|[^/]+)(?:\/|$)/.exec(file)?.[1];
}

function permits(patterns, name) {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}

function roomFault(row, room, typeOnly) {
  if (permits(row.rooms, room) || (typeOnly && permits(row.types ?? [], room))) return undefined;
  return `${row.room} must not use ${room}${permits(row.types ?? [], room) ? ', save its types' : ''}`;
}

/** Says what is wrong with one import, or undefined when nothing is. */
function fault(file, row, { specifier, typeOnly }) {
  if (specifier === undefined) return row.computed ? undefined : 'it is computed, so nobody can see what it loads';
  if (specifier.startsWith('.')) {
    const path = normalize(join(dirname(file), specifier))
      .split(sep)
      .join('/');
    // What is built stands in the room of what it was built from.
    const target = path.replace(/^((?:packages\/)?[^/]+)\/dist\//, '$1/src/');
    if (unitOf(target) !== unitOf(file)) return `it leaves ${unitOf(file)}; other packages are imported by their name`;
    if (row.room === 'tests' || !isCode.test(target)) return undefined;
    const room = rowOf(target)?.room;
    if (room === undefined) return `${target} stands in no room`;
    return room === row.room ? undefined : roomFault(row, room, typeOnly);
  }
  if (isBuiltin(specifier)) {
    const name = specifier.startsWith('node:') ? specifier : `node:${specifier}`;
    return row.builtins === 'any' || row.builtins.includes(name) ? undefined : `${row.room} must not use ${name}`;
  }
  const name = packageOf(specifier);
  if (name === 'callgate' || name.startsWith('@callgate/')) {
    const subpath = specifier.startsWith('callgate/') ? 'callgate' : specifier;
    const room = entries[subpath] ?? /^@callgate\/(transport-[^/]+)$/.exec(specifier)?.[1];
    if (room === undefined) return `"${specifier}" is not an entry of ${name}`;
    return room === row.room ? undefined : roomFault(row, room, typeOnly);
  }
  const home = row.room === 'tests' ? neighbourOf(file) : row.room;
  if (confined[name] && !confined[name].includes(home)) return `${name} stays in ${confined[name].join(' and ')}`;
  return row.packages === 'any' || row.packages.includes(name) ? undefined : `${row.room} must not use ${name}`;
}

/** Checks a whole checkout. Each violation is one line for a person. */
export function checkBoundaries(root, allowed = exceptions) {
  const violations = [];
  const used = new Set();
  let imports = 0;
  const files = sources(root);
  for (const file of files) {
    const row = rowOf(file);
    if (row === undefined) {
      violations.push(`${file}:1: no rule is for this file; give its room a row in check-boundaries.rules.mjs`);
      continue;
    }
    for (const found of importsOf(file, readFileSync(join(root, file), 'utf8'))) {
      imports++;
      const problem = fault(file, row, found);
      if (problem === undefined) continue;
      const shown = found.specifier ?? '(computed)';
      const exception = allowed.find((entry) => entry.file === file && entry.import === shown);
      if (exception !== undefined) used.add(exception);
      else violations.push(`${file}:${found.line}: import of "${shown}": ${problem} (${row.why})`);
    }
  }
  for (const entry of allowed) {
    if (used.has(entry)) continue;
    violations.push(`${entry.file}:1: the exception for "${entry.import}" is not needed any more; remove it`);
  }
  return { files: files.length, imports, violations };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
  const { files, imports, violations } = checkBoundaries(root);
  for (const violation of violations) process.stderr.write(`${violation}\n`);
  const count = violations.length === 0 ? 'all within their rooms' : `${violations.length} forbidden`;
  process.stdout.write(`import boundaries: ${imports} imports of ${files} files, ${count}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
