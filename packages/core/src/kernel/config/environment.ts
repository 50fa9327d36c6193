/**
 * The environment's part of a configuration. A setting's variable is its path, joined by two underscores:
 *
 *   CALLGATE_DEFAULTS__TIMEOUT=5s
 *   CALLGATE_SERVICES__geo_Geo__URL=unix:/tmp/geo.sock            the dots of a service are underscores
 *   CALLGATE_SERVICES__geo_Geo__URL='["unix:/run/a","unix:/run/b"]'   several URLs, as JSON
 *   CALLGATE_SERVICES__geo_Geo__RETRY='{"maxAttempts":3}'         a policy of retries, as JSON, or false
 *   CALLGATE_SERVICES__geo_Geo__TIMEOUT__REPLY=2m
 *   CALLGATE_SERVICES__geo_Geo__WAIT_FOR_READY=true               camelCase is written with underscores
 *   CALLGATE_SERVICES__geo_Geo__TRANSPORT__MAX_MESSAGE_BYTES=65536
 *   CALLGATE_SERVICES__geo_Geo__TRANSPORT='{"strategy":"spin"}'     or all options at once, as JSON
 *
 * Case does not matter, save in an option that has a lower-case letter: that one is taken as it is. An option's value is
 * JSON when it is JSON, text otherwise. An empty variable counts as not set.
 */
import { isForbiddenKey, jsonOrText } from '../address.js';
import { didYouMean, nearest } from '../suggest.js';
import type { Problem } from './problem.js';
import { isMap, phaseNames, settingNames } from './schema.js';

type Tree = { [key: string]: unknown };

export interface EnvironmentSettings {
  /** The same shape as a configuration. A service is named as in the file, or as in its variable where no file names any. */
  readonly value: Tree;
  /** The variable that set `path`, or the nearest setting above or below it. */
  variableOf(path: readonly string[]): string | undefined;
  /** What is wrong with the names of variables; the path is the variable. */
  readonly problems: readonly Problem[];
}

const prefix = 'CALLGATE_';
/** Variables with a meaning of their own: which file to read, whether native code may be loaded, which descriptors came by inheritance. */
const others = ['CALLGATE_CONFIG', 'CALLGATE_NATIVE', 'CALLGATE_INHERITED'];
const forms = ['CALLGATE_SERVICES__<service>__<setting>', 'CALLGATE_DEFAULTS__<setting>'];
/** Kubernetes sets these for every container when a service of a cluster is called `callgate`. */
const foreign = /^CALLGATE_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** `services` are the names that the file or object has. */
export function readEnvironment(env: NodeJS.ProcessEnv, services: readonly string[]): EnvironmentSettings {
  const value: Tree = {};
  const variables = new Map<string, string>();
  const problems: Problem[] = [];

  for (const variable of Object.keys(env).sort()) {
    const text = env[variable];
    if (!text || !variable.startsWith(prefix) || others.includes(variable) || foreign.test(variable)) continue;
    const path = pathOf(variable.slice(prefix.length).split('__'), services);
    if (typeof path === 'string') {
      problems.push({ path: [variable], message: path });
      continue;
    }
    const key = path.join('\0');
    // A timeout is given either as one or by phase; options may be given both ways, the single ones winning.
    const whole = path.at(-2) === 'timeout' ? path.slice(0, -1).join('\0') : key;
    const other = variables.get(key) ?? variables.get(whole);
    if (other !== undefined)
      problems.push({ path: [variable], message: `sets the same as ${other}; keep one of them` });
    variables.set(key, variable);
    put(value, path, mayBeJson(path, text) ? jsonOrText(text) : text);
  }

  return {
    value,
    problems,
    variableOf(path) {
      for (let length = path.length; length > 0; length--) {
        const variable = variables.get(path.slice(0, length).join('\0'));
        if (variable !== undefined) return variable;
      }
      const below = `${path.join('\0')}\0`;
      return [...variables].find(([key]) => key.startsWith(below))?.[1];
    },
  };
}

/** Options, a policy of retries, and a list of URLs. */
function mayBeJson(path: readonly string[], text: string): boolean {
  const setting = path.at(-1);
  return (
    path.includes('transport') ||
    setting === 'retry' ||
    setting === 'interceptors' ||
    (setting === 'url' && text.startsWith('['))
  );
}

/** How the dots of a service are written in a variable. */
export function variableName(service: string): string {
  return service.replaceAll('.', '_');
}

/** The path of a setting in a configuration; text says what is wrong with the variable. */
function pathOf(words: readonly string[], services: readonly string[]): string[] | string {
  const [root = '', ...rest] = words;
  switch (root.toLowerCase()) {
    case 'defaults':
      return joined(['defaults'], settingOf(rest));
    case 'services': {
      // A service's own name may contain two underscores: it ends where a setting's name follows.
      const end = rest.findIndex((word, index) => index > 0 && known(word, settingNames) !== undefined);
      const service = serviceOf(rest.slice(0, end < 0 ? 1 : end).join('__'), services);
      return 'name' in service
        ? joined(['services', service.name], settingOf(rest.slice(end < 0 ? 1 : end)))
        : service.fault;
    }
    default: {
      if (/^(?:services|defaults)_/i.test(root)) {
        return `unknown variable; two underscores separate its parts: ${forms.join(', ')}`;
      }
      const near = nearest(root, ['CONFIG', 'NATIVE', 'SERVICES', 'DEFAULTS']);
      if (near !== undefined) return `unknown variable; did you mean ${prefix}${near}?`;
      return `unknown variable; known are CALLGATE_CONFIG, ${forms.join(', ')}`;
    }
  }
}

function serviceOf(written: string, services: readonly string[]): { name: string } | { fault: string } {
  if (written === '') return { fault: 'names no service; expected CALLGATE_SERVICES__<service>__<setting>' };
  if (isForbiddenKey(written)) return { fault: 'this name is not permitted' };
  if (services.length === 0) return { name: written };
  const exact = services.filter((name) => variableName(name) === written);
  const loose = services.filter((name) => variableName(name).toLowerCase() === written.toLowerCase());
  const matches = exact.length > 0 ? exact : loose;
  if (matches.length === 1) return { name: matches[0]! };
  if (matches.length > 1) return { fault: `could mean ${matches.join(' or ')}` };
  const names = services.map(variableName);
  return {
    fault: `the configuration has no such service${didYouMean(written, names) || `; it has ${names.join(', ')}`}`,
  };
}

/** The path of a setting below its service; text says what is wrong. */
function settingOf(words: readonly string[]): string[] | string {
  const [first = '', ...rest] = words;
  const upper = settingNames.map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase());
  const setting = known(first, settingNames);
  if (first === '') return `names no setting; known are ${upper.join(', ')}`;
  if (setting === undefined)
    return `unknown setting "${first}"${didYouMean(first, upper) || `; known are ${upper.join(', ')}`}`;
  if (setting === 'transport') return optionOf(rest);
  if (rest.length === 0) return [setting];
  const phase = setting === 'timeout' && rest.length === 1 ? known(rest[0]!, phaseNames) : undefined;
  if (phase !== undefined) return [setting, phase];
  const more = setting === 'timeout' ? '; known are SEND, REPLY' : '';
  return `nothing of the name "${rest.join('__')}" is below ${first}${more}`;
}

function optionOf(words: readonly string[]): string[] | string {
  if (words.includes('')) return 'names no option';
  const path = words.map((word) => (/[a-z]/.test(word) ? word : camelCase(word)));
  return path.some(isForbiddenKey) ? 'this name is not permitted' : ['transport', ...path];
}

function camelCase(word: string): string {
  return word.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function known<T extends string>(word: string, names: readonly T[]): T | undefined {
  return names.find((name) => name === camelCase(word) || name.toLowerCase() === word.toLowerCase());
}

function joined(front: string[], back: string[] | string): string[] | string {
  return typeof back === 'string' ? back : [...front, ...back];
}

/** Sets a value in a tree, replacing what stands in the way. */
function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    tree[key] = value;
    return;
  }
  const inner = Object.hasOwn(tree, key) ? tree[key] : undefined;
  const next: Tree = isMap(inner) ? inner : {};
  tree[key] = next;
  put(next, rest, value);
}
