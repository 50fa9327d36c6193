import { Reason, RpcError } from '../../errors/index.js';

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** Where in the configuration, from its root; empty for the whole. */
  readonly path: readonly string[];
  /** What is wrong, with what was found and what was expected. */
  readonly message: string;
}

/** Where a setting was written. */
export interface Origin {
  /** The environment variable that set it, if one did. */
  readonly variable?: string;
  /** Its line in the file, from 1, where it has one. */
  readonly line?: number;
}

/** `services.geo.Geo.timeout (line 4): expected …` */
export function describeProblem(problem: Problem, origin: Origin): string {
  const path = problem.path.join('.');
  const place = origin.variable ?? (origin.line === undefined ? undefined : `line ${origin.line}`);
  const where = path === '' ? place : place === undefined ? path : `${path} (${place})`;
  return where === undefined ? problem.message : `${where}: ${problem.message}`;
}

/** All problems of a configuration as one error; each is a line of the message. */
export function badConfig(name: string, lines: readonly string[]): RpcError {
  const count = lines.length === 1 ? '1 problem' : `${lines.length} problems`;
  return new RpcError('INVALID_ARGUMENT', `${name} has ${count}:\n${lines.map((line) => `  ${line}`).join('\n')}`, {
    reason: Reason.BAD_CONFIG,
  });
}

/** A value as a message shows it, short whatever it is. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
