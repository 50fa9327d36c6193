import { RpcError } from '../../errors/index.js';
import type { Address, Transport } from '../../transport/contract.js';
import type { Registry } from '../registry.js';
import { nearest } from '../suggest.js';
import { readEnvironment, variableName } from './environment.js';
import { type Folded, fold, foldEach } from './fold.js';
import { interceptorProblems } from './interceptors.js';
import { badConfig, describeProblem, type Origin, type Problem } from './problem.js';
import { isMap, shapeProblems } from './schema.js';
import type { ConfigInput, Layer, ServiceSettings } from './settings.js';
import type { Source } from './source.js';

/** A configuration that has been checked whole. */
export interface Config {
  /** What messages call it. */
  readonly name: string;
  /** Services that it has settings for, in its order. */
  readonly services: readonly string[];
  /** Everything that it says of a service, lowest first; only the defaults for a service that it does not list. */
  layersOf(service: string): readonly Layer[];
  /** What holds for a service after everything is laid over each other. Throws nothing for a service that is listed. */
  settingsOf(service: string): Folded;
  /** Problems of options whose transports could not be loaded: not errors until one of them is used. */
  readonly unchecked: readonly string[];
  /** The listed service that `service` may be a slip of. */
  nearest(service: string): string | undefined;
}

/**
 * Checks a configuration and the environment's part of it. Throws RpcError INVALID_ARGUMENT (BAD_CONFIG) with all
 * problems: names, shapes and, for each listed service, its scheme, codec and transport options.
 */
export function checkConfig(source: Source, env: NodeJS.ProcessEnv, registry: Registry): Config {
  const file = inputOf(source.value);
  const listed = isMap(file.services) ? Object.keys(file.services) : [];
  const environment = readEnvironment(env, listed);
  const fromEnvironment = inputOf(environment.value);
  const fileOrigin = (path: readonly string[]): Origin => {
    const line = source.lineOf(path);
    return line === undefined ? {} : { line };
  };
  const environmentOrigin = (path: readonly string[]): Origin => {
    const variable = environment.variableOf(path);
    return variable === undefined ? {} : { variable };
  };

  const misshapen: Placed[] = [
    ...shapeProblems(source.value).map((problem) => ({ ...problem, origin: fileOrigin(problem.path) })),
    ...environment.problems.map((problem) => ({ ...problem, origin: {} })),
    ...shapeProblems(environment.value).map((problem) => ({ ...problem, origin: environmentOrigin(problem.path) })),
  ];

  // What is well shaped is looked at further even where something else is not, so that all is told at once.
  const sound = (...path: string[]) => !misshapen.some((problem) => startsLike(problem.path, path));
  const soundPart = (settings: ServiceSettings, path: readonly string[]): ServiceSettings =>
    misshapen.length === 0
      ? settings
      : Object.fromEntries(Object.entries(settings).filter(([setting]) => sound(...path, setting)));

  function section(path: readonly string[], inFile: Settings, inEnvironment: Settings): Layer[] {
    const layers: Layer[] = [];
    const add = (settings: Settings, overlays: boolean, originOf: Layer['originOf']) => {
      if (isMap(settings)) layers.push({ settings: soundPart(settings, path), path, overlays, originOf });
    };
    add(inFile, false, fileOrigin);
    add(inEnvironment, true, environmentOrigin);
    return layers;
  }

  const services = listed.length > 0 ? listed : Object.keys(fromEnvironment.services ?? {});
  const defaults = section(['defaults'], file.defaults, fromEnvironment.defaults);
  const layersOf = (service: string): readonly Layer[] => {
    // Where only the environment lists services, they go by the names of their variables.
    const name = services.includes(service) || listed.length > 0 ? service : alias(service, services);
    if (name === undefined || !services.includes(name)) return defaults;
    return [...defaults, ...section(['services', name], file.services?.[name], fromEnvironment.services?.[name])];
  };

  const targets = [defaults, ...services.map(layersOf)].flatMap((layers) =>
    foldEach(layers).map((folded) => placedTargetProblems(folded, registry)),
  );
  const lines = inOrder([...misshapen, ...targets.flatMap(({ problems }) => problems)]);
  if (lines.length > 0) throw badConfig(source.name, lines);

  return {
    name: source.name,
    services,
    layersOf,
    settingsOf: (service) => fold(layersOf(service)),
    unchecked: inOrder(targets.flatMap(({ unchecked }) => unchecked)),
    nearest: (service) => nearest(service, services) ?? nearest(variableName(service), services),
  };
}

interface Placed extends Problem {
  readonly origin: Origin;
}

/** As lines for a person, in the order of the file, each once: a default that is wrong is wrong for many. */
function inOrder(problems: readonly Placed[]): string[] {
  const last = Number.POSITIVE_INFINITY;
  const sorted = problems.toSorted((a, b) => (a.origin.line ?? last) - (b.origin.line ?? last) || 0);
  return [...new Set(sorted.map((problem) => describeProblem(problem, problem.origin)))];
}

/** Whether a problem at `place` leaves nothing to be said about `path`: it is there, above it, or below it. */
function startsLike(place: readonly string[], path: readonly string[]): boolean {
  return path.every((key, index) => index >= place.length || place[index] === key);
}

type Settings = ServiceSettings | null | undefined;

/** What can be seen only with the transports at hand. Paths are as in `Folded.whereIs`. */
export function targetProblems(folded: Folded, registry: Registry): { problems: Problem[]; unchecked: Problem[] } {
  const problems: Problem[] = [];
  if (folded.codec !== undefined && !registry.codecs().includes(folded.codec)) {
    const known = registry.codecs().join(', ') || 'none';
    problems.push({ path: ['codec'], message: `unknown codec "${folded.codec}"; registered: ${known}` });
  }
  const { problems: more, unchecked } = interceptorProblems(folded.interceptors, registry);
  problems.push(...more);
  if (folded.address === undefined) return { problems, unchecked };
  const { scheme } = folded.address;
  if (!registry.has(scheme)) {
    problems.push({ path: ['url'], message: registry.explainUnknown(scheme) });
    return { problems, unchecked };
  }
  try {
    const transport = registry.transport(scheme);
    const message = addressProblem(transport, folded.address);
    if (message !== undefined) problems.push({ path: ['url'], message });
    for (const line of transport.validateOptions(folded.options)) {
      // `ringBytes: expected …`, `allow.uid: expected …`
      const [, name, message] = /^([^:\s]+):\s*(.*)$/s.exec(line) ?? [];
      problems.push({
        path: name === undefined ? ['transport'] : ['transport', ...name.split('.')],
        message: message ?? line,
      });
    }
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    return { problems, unchecked: [...unchecked, { path: ['url'], message: error.message }] };
  }
  return { problems, unchecked };
}

/** What the transport says of an address by its text alone. */
function addressProblem(transport: Transport, address: Address): string | undefined {
  try {
    transport.checkAddress?.(address);
    return undefined;
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    return error.message;
  }
}

function placedTargetProblems(folded: Folded, registry: Registry): { problems: Placed[]; unchecked: Placed[] } {
  const { problems, unchecked } = targetProblems(folded, registry);
  const place = ({ path: [top, option, ...below], message }: Problem): Placed => {
    const where = folded.whereIs(option === undefined ? [top!] : [top!, option]);
    return { path: [...where.path, ...below], message, origin: where.origin };
  };
  return { problems: problems.map(place), unchecked: unchecked.map(place) };
}

function inputOf(value: unknown): ConfigInput {
  return isMap(value) ? (value as ConfigInput) : {};
}

function alias(service: string, names: readonly string[]): string | undefined {
  const written = variableName(service);
  return names.find((name) => name === written) ?? names.find((name) => name.toLowerCase() === written.toLowerCase());
}
