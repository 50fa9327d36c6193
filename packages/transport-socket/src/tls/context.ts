import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { Reason, RpcError } from '@callgate/core/errors';
import type { ResolvedTlsOptions } from './options.js';

/** What this side shows and whom it trusts, and the same in the form that a connection takes. */
export interface TlsContext {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

/** Reads the files. Throws INVALID_ARGUMENT (BAD_OPTION), naming the option. */
export function contextOf({ cert, key, ca }: ResolvedTlsOptions): TlsContext {
  const trusted = ca === undefined ? {} : { ca: [ca].flat().map((one) => pemOf('ca', one)) };
  if (ca !== undefined) usable('ca', trusted);
  const options: SecureContextOptions = {
    ...trusted,
    ...(cert === undefined ? {} : { cert: pemOf('cert', cert) }),
    ...(key === undefined ? {} : { key: pemOf('key', key) }),
    minVersion: 'TLSv1.2',
    // Links live long. A session taken up again would rest on what was verified earlier, and for another connection.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  return { options, context: usable('cert, key', options) };
}

function usable(names: string, options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw badOption(`${names}: not usable: ${(error as Error).message}`, error);
  }
}

function pemOf(option: string, value: string): string {
  if (value.includes('-----BEGIN')) return value;
  let text: string;
  try {
    text = readFileSync(value, 'utf8');
  } catch (error) {
    throw badOption(`${option}: cannot read ${value}: ${(error as Error).message}`, error);
  }
  if (text.includes('-----BEGIN')) return text;
  throw badOption(`${option}: ${value} is no PEM file: it has no line -----BEGIN …-----`);
}

export function badOption(problem: string, cause?: unknown): RpcError {
  return new RpcError('INVALID_ARGUMENT', `bad options of the tls: transport: ${problem}`, {
    reason: Reason.BAD_OPTION,
    failed: 'channel',
    cause,
  });
}
