import { type InterceptedCall, type Interceptor, observeCall, RpcError } from '@callgate/core';
import { badOption, checkNames } from './options.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** What is used of a logger: pino's interface, which others have, too. */
export type Logger = { readonly [level in LogLevel]?: (fields: object, words: string) => void };

export interface LoggingOptions {
  /** Has the methods of the levels used. @default lines of JSON on standard error */
  readonly logger?: Logger | undefined;
  /** Of calls that succeed. @default 'info' */
  readonly level?: LogLevel | undefined;
  /** Of calls that fail. @default 'warn' */
  readonly failureLevel?: LogLevel | undefined;
  /** Keys of metadata to log, where a call has them. Others may hold secrets. @default none */
  readonly metadata?: readonly string[] | undefined;
}

/**
 * Logs each call when it has ended, at clients and servers: which side, which method, how it ended, after how many
 * milliseconds and (of streams) how many replies. Never messages. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function logging(options: LoggingOptions = {}): Interceptor {
  checkNames('logging', options, ['logger', 'level', 'failureLevel', 'metadata']);
  const { logger = standardError, level = 'info', failureLevel = 'warn', metadata = [] } = options;
  for (const [name, value] of Object.entries({ level, failureLevel })) {
    if (!LEVELS.includes(value)) throw badOption('logging', name, LEVELS.join(', '), value);
    if (typeof logger[value] !== 'function')
      throw badOption('logging', 'logger', `a method ${value}`, typeof logger[value]);
  }
  if (!Array.isArray(metadata)) throw badOption('logging', 'metadata', 'a list of keys', metadata);
  return (call, next) => {
    const begun = performance.now();
    let replies = 0;
    return observeCall(() => next(call), {
      onItem: () => {
        replies++;
      },
      onEnd: (error) => {
        const ms = Math.round((performance.now() - begun) * 1000) / 1000;
        const fields = { ...fieldsOf(call, metadata), ms, ...(streams(call) && { replies }), ...endOf(error) };
        const words = `${call.path} ${fields.code} after ${ms} ms`;
        // A logger that fails is no reason for a call to fail.
        try {
          logger[error === undefined ? level : failureLevel]?.(fields, words);
        } catch (thrown) {
          process.emitWarning(`logging: the logger threw: ${String(thrown)}`, { type: 'CallgateWarning' });
        }
      },
    });
  };
}

function fieldsOf(call: InterceptedCall, keys: readonly string[]): object {
  const values = keys.filter((key) => call.metadata.has(key)).map((key) => [key, call.metadata.get(key)]);
  const pid = call.context?.peer.credentials?.pid;
  return {
    side: call.side,
    method: call.path,
    ...(values.length > 0 && { metadata: Object.fromEntries(values) }),
    ...(pid !== undefined && { peerPid: pid }),
  };
}

function endOf(error: unknown): { code: string; reason?: string; error?: string } {
  if (error === undefined) return { code: 'OK' };
  if (RpcError.is(error)) return { code: error.code, reason: error.reason, error: error.message };
  return { code: 'UNKNOWN', error: error instanceof Error ? error.message : String(error) };
}

function streams({ method: { kind } }: InterceptedCall): boolean {
  return kind === 'server-streaming' || kind === 'bidi-streaming';
}

const line =
  (level: LogLevel) =>
  (fields: object, msg: string): void => {
    process.stderr.write(`${JSON.stringify({ level, time: Date.now(), ...fields, msg })}\n`);
  };
const standardError = Object.fromEntries(LEVELS.map((level) => [level, line(level as LogLevel)])) as Logger;
