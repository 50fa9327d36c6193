import type protobuf from 'protobufjs';
import { OPTIONS_PROTO } from './bundled.js';
import type { ProtoFile } from './files.js';
import type { ProtoProblem } from './problem.js';
import { at } from './resolve.js';

export interface MethodOptions {
  readonly oneway: boolean;
  readonly idempotent: boolean;
  readonly ordered: boolean;
  readonly timeout: 'never' | 'immediate' | number | undefined;
  /** Undefined where the method does not say: then it is as the client's options do. */
  readonly urgent: boolean | undefined;
  readonly waitForReady: boolean | undefined;
  /** As written: which signals there are is known to who listens. Undefined where the method does not say. */
  readonly signal: string | undefined;
}

/** Options that are true or false, and what they are called here. */
const SWITCHES = {
  oneway: 'oneway',
  idempotent: 'idempotent',
  urgent: 'urgent',
  ordered: 'ordered',
  wait_for_ready: 'waitForReady',
} as const;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** What `callgate/options.proto` lets a method say. */
export function readMethodOptions(file: ProtoFile, method: protobuf.Method, problems: ProtoProblem[]): MethodOptions {
  const found: { -readonly [K in keyof MethodOptions]: MethodOptions[K] } = {
    oneway: false,
    idempotent: false,
    ordered: false,
    timeout: undefined,
    urgent: undefined,
    waitForReady: undefined,
    signal: undefined,
  };
  for (const [key, value] of Object.entries(method.options ?? {})) {
    const name = /^\(\.?callgate\.(.*)\)$/.exec(key)?.[1];
    if (name === undefined) continue;
    const complain = (text: string) => problems.push(at(file, method, `option ${key} ${text}`, key));
    if (!file.scan.imports.some(({ path }) => path === OPTIONS_PROTO)) complain(`needs import "${OPTIONS_PROTO}"`);
    else if (name === 'timeout') {
      found.timeout = parseTimeout(value);
      if (found.timeout === undefined) {
        complain(
          `is ${JSON.stringify(value)}: expected "never", "immediate" or a duration such as "250ms", "5s", "2m"`,
        );
      }
    } else if (name === 'signal') {
      if (typeof value === 'string') found.signal = value;
      else complain(`is ${JSON.stringify(value)}: expected text, such as "SIGUSR2", "SIGRTMIN+3" or "12"`);
    } else if (!Object.hasOwn(SWITCHES, name)) {
      complain('does not exist: there are oneway, idempotent, timeout, urgent, signal, ordered and wait_for_ready');
    } else if (typeof value !== 'boolean') complain(`is ${JSON.stringify(value)}: expected true or false`);
    else found[SWITCHES[name as keyof typeof SWITCHES]] = value;
  }
  return found;
}

/** Milliseconds, or a policy; undefined for what is neither. */
function parseTimeout(value: unknown): MethodOptions['timeout'] {
  if (value === 'never' || value === 'immediate') return value;
  const match = typeof value === 'string' ? /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(value) : null;
  return match === null ? undefined : Number(match[1]) * unitMs[match[2]!]!;
}
