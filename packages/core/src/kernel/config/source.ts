import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, relative } from 'node:path';
import type { Document, Node, Pair, YAMLMap } from 'yaml';
import { badConfig } from './problem.js';

/** A configuration as it was given, not yet checked. */
export interface Source {
  /** What messages call it: the file's path, or `the configuration` for an object. */
  readonly name: string;
  readonly value: unknown;
  /** The line, from 1, on which a setting stands, where it stands in a file. */
  lineOf(path: readonly string[]): number | undefined;
}

/** Names of configuration files, in the current directory. */
const fileNames = ['callgate.yaml', 'callgate.yml', 'callgate.json'];

/**
 * The configuration file that applies when none is named: `$CALLGATE_CONFIG`, else the one in `directory`. Throws
 * RpcError INVALID_ARGUMENT (BAD_CONFIG) when there are several.
 */
export function findConfig(env: NodeJS.ProcessEnv, directory: string): string | undefined {
  if (env.CALLGATE_CONFIG) return env.CALLGATE_CONFIG;
  const found = fileNames.map((name) => join(directory, name)).filter((path) => existsSync(path));
  if (found.length <= 1) return found[0];
  throw badConfig(directory, [
    `found ${found.map((path) => relative(directory, path)).join(' and ')}; keep one of them, or name one in CALLGATE_CONFIG`,
  ]);
}

export function fromObject(value: unknown): Source {
  return { name: 'the configuration', value, lineOf: () => undefined };
}

/** Reads a `.yaml`, `.yml` or `.json` file. Throws RpcError INVALID_ARGUMENT (BAD_CONFIG). */
export function fromFile(path: string): Source {
  if (!/^\.(ya?ml|json)$/.test(extname(path))) throw badConfig(path, ['expected a file named .yaml, .yml or .json']);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    throw badConfig(path, [error.code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${error.message}`]);
  }
  return parse(path, text);
}

function parse(name: string, text: string): Source {
  // Loaded here, since most programs that state their URLs in code never read a file.
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const complaints = [...document.errors, ...document.warnings].map(
    (problem) => `line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`,
  );
  if (complaints.length > 0) throw badConfig(name, complaints);
  // JSON is read as the YAML that it is, so that its lines are known, too; what only YAML permits is refused first.
  if (extname(name) === '.json') refuseIfNotJson(name, text);
  let value: unknown;
  try {
    value = document.toJS() as unknown;
  } catch (cause) {
    // The one thing that is only found now is an alias that unfolds without measure.
    throw badConfig(name, [(cause as Error).message]);
  }
  return {
    name,
    value,
    lineOf(path) {
      const offset = offsetOf(document, path, yaml);
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

function refuseIfNotJson(name: string, text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw badConfig(name, [`is not JSON: ${(cause as Error).message}`]);
  }
}

/** Where the key of a setting starts, or of the nearest setting above it that the file has. */
function offsetOf(document: Document, path: readonly string[], yaml: typeof import('yaml')): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (yaml.isAlias(node)) node = node.resolve(document);
    if (!yaml.isMap(node)) break;
    const pair = (node as YAMLMap<Node, Node>).items.find((item: Pair<Node, Node | null>) => String(item.key) === key);
    if (pair === undefined) break;
    offset = pair.key.range?.[0];
    node = pair.value;
  }
  return offset;
}
