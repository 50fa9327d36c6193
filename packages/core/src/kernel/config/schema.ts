import * as v from 'valibot';
import { parseTimeout, type TimeoutPolicy } from '../../channel/timeout.js';
import { BALANCES, type RetryPolicy, resolveRetry } from '../../client/index.js';
import { RpcError } from '../../errors/index.js';
import { isForbiddenKey, parseUrl } from '../address.js';
import { didYouMean } from '../suggest.js';
import { type Problem, show } from './problem.js';

/** The settings of one service, or the defaults of all. */
export const settingNames = [
  'url',
  'direction',
  'timeout',
  'urgent',
  'waitForReady',
  'trusted',
  'balance',
  'retry',
  'transport',
  'codec',
  'interceptors',
] as const;
/** Those that are true or false. */
export const switchNames = ['urgent', 'waitForReady', 'trusted'] as const;
export const phaseNames = ['send', 'reply'] as const;

const policyWords = 'never, immediate, a duration such as 250ms, 5s or 2m, or a number of milliseconds';
const timeoutWords = `${policyWords}, or a map of send and reply`;

// Valibot's own objects and records would take a list.
const map = v.custom<Record<string, unknown>>(isMap);
const options = map;
const policy = checked((value) => (readPolicy(value) === undefined ? expected(timeoutWords, value) : undefined));
const phase = checked((value) => (readPolicy(value) === undefined ? expected(policyWords, value) : undefined));
const phases = strict({ send: v.optional(phase), reply: v.optional(phase) });
const timeout = v.lazy((value) => (isMap(value) ? phases : policy));
const url = checked((value) => {
  if (!Array.isArray(value)) return urlProblem(value);
  if (value.length === 0) return expected('a URL, or a list of them', value);
  const twice = value.find((one, index) => value.indexOf(one) !== index);
  return value.map(urlProblem).find((problem) => problem !== undefined) ?? (twice && `${show(twice)} is there twice`);
});

function urlProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `${expected('a URL, <scheme>:<address>', value)}${spacedUrlHint(value)}`;
  try {
    parseUrl(value);
    return undefined;
  } catch (error) {
    return RpcError.is(error) ? error.message : String(error);
  }
}

const balance = checked((value) =>
  BALANCES.some((known) => known === value) ? undefined : expected(BALANCES.join(', '), value),
);
const retry = checked((value) => {
  try {
    resolveRetry(value as RetryPolicy | false);
    return undefined;
  } catch (error) {
    return RpcError.is(error) ? error.message.replace(/^retry(: |\.)/, '') : String(error);
  }
});

const direction = checked((value) =>
  value === 'duplex' || value === 'send' ? undefined : expected('duplex or send (as its clients see it)', value),
);

const flag = checked((value) => (readSwitch(value) === undefined ? expected('true or false', value) : undefined));

const interceptors = checked((value) => {
  if (!Array.isArray(value)) return expected('a list of interceptors', value);
  const complaint = value.map(settingComplaint).find((words) => words !== undefined);
  return complaint === undefined ? undefined : `${complaint}; found ${show(value)}`;
});

const service = v.nullish(
  strict({
    url: v.optional(url),
    direction: v.optional(direction),
    timeout: v.optional(timeout),
    urgent: v.optional(flag),
    waitForReady: v.optional(flag),
    trusted: v.optional(flag),
    balance: v.optional(balance),
    retry: v.optional(retry),
    transport: v.nullish(options),
    codec: v.optional(v.string()),
    interceptors: v.optional(interceptors),
  }),
);
const services = v.nullish(
  v.pipe(
    map,
    v.record(v.string(), service),
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (!isMap(input)) return;
      for (const key of Object.keys(input)) {
        if (/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(key)) continue;
        addIssue({ message: "not a service's full name; expected one such as geo.Geo", path: [keyOf(input, key)] });
      }
    }),
  ),
);
const config = v.nullish(strict({ services, defaults: service }));

/** A timeout policy as a person writes it, or undefined when it is none. A number is milliseconds, as text, too. */
export function readPolicy(value: unknown): TimeoutPolicy | undefined {
  if (typeof value === 'number') return value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  return /^\d+$/.test(value) ? Number(value) : parseTimeout(value);
}

/** True or false, as text, too: that is how the environment has it. Undefined when it is neither. */
export function readSwitch(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

/** Finds everything in a configuration that has not the right shape. */
export function shapeProblems(value: unknown): Problem[] {
  return problemsOf(config, value);
}

/** The same of the settings of one service, which code gives. */
export function settingsProblems(value: unknown): Problem[] {
  return problemsOf(service, value);
}

function problemsOf(schema: v.GenericSchema, value: unknown): Problem[] {
  const problems = forbiddenKeys(value);
  for (const issue of v.safeParse(schema, value).issues ?? []) {
    const path = (issue.path ?? []).map((item) => String(item.key));
    const message = issue.type === 'raw_check' ? issue.message : expected(shapeWords(issue.type), issue.input);
    problems.push({ path, message });
  }
  return problems;
}

function shapeWords(type: string): string {
  return type === 'string' ? 'text' : 'a map';
}

function expected(words: string, found: unknown): string {
  return `expected ${words}; found ${show(found)}`;
}

/** A value that is right when `complaint` has nothing to say about it. */
function checked(complaint: (value: unknown) => string | undefined) {
  return v.pipe(
    v.unknown(),
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed ? complaint(dataset.value) : undefined;
      if (message !== undefined) addIssue({ message });
    }),
  );
}

/** An object without other keys; each one too many is told, with what was probably meant. */
function strict<const E extends v.ObjectEntries>(entries: E) {
  const known = Object.keys(entries);
  return v.pipe(
    map,
    v.looseObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (!isMap(input)) return;
      for (const key of Object.keys(input)) {
        if (known.includes(key)) continue;
        const hint = didYouMean(key, known) || `; known are ${known.join(', ')}`;
        addIssue({ message: `unknown key${hint}`, path: [keyOf(input, key)] });
      }
    }),
  );
}

/** A key as valibot's issues point at one. */
function keyOf(input: Record<string, unknown>, key: string): v.ObjectPathItem {
  return { type: 'object', origin: 'key', input, key, value: input[key] };
}

/** Keys that would reach a prototype, wherever they are. */
function forbiddenKeys(value: unknown, path: readonly string[] = [], seen = new Set<unknown>()): Problem[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = [...path, key];
    const own = isForbiddenKey(key) ? [{ path: here, message: 'this key is not permitted' }] : [];
    return [...own, ...forbiddenKeys(inner, here, seen)];
  });
}

/** In YAML, `url: unix: /tmp/x` and `url: {unix: /tmp/x}` are maps: easily written, hard to see. */
function spacedUrlHint(value: unknown): string {
  if (!isMap(value)) return '';
  const [[scheme, path] = [], ...others] = Object.entries(value);
  return typeof path === 'string' && others.length === 0 ? `; write ${scheme}:${path}, without a space` : '';
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong with one entry of a list of interceptors, or undefined. */
function settingComplaint(setting: unknown): string | undefined {
  const found = isMap(setting) ? Object.entries(setting) : [];
  const [[, options] = []] = found;
  if (typeof setting === 'string' && setting !== '') return undefined;
  if (isMap(setting) && found.length === 1 && (options === null || isMap(options))) return undefined;
  return 'expected the name of an interceptor, or a map of its name to its options';
}
