import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Reason, RpcError } from '@callgate/core/errors';
import type { ResolvedTlsOptions } from './options.js';

/** What this side shows and whom it trusts. Reads the files. Throws INVALID_ARGUMENT (BAD_OPTION), naming the option. */
export function contextOptions({ cert, key, ca }: ResolvedTlsOptions): SecureContextOptions {
  const own = {
    ...(cert === undefined ? {} : { cert: pemOf('cert', cert) }),
    ...(key === undefined ? {} : { key: pemOf('key', key) }),
  };
  const trusted = ca === undefined ? {} : { ca: [ca].flat().map((one) => pemOf('ca', one)) };
  for (const [name, part] of [['ca', trusted] as const, ['cert, key', own] as const]) {
    try {
      createSecureContext(part);
    } catch (error) {
      throw badOption(`${name}: not usable: ${(error as Error).message}`, error);
    }
  }
  return {
    ...own,
    ...trusted,
    minVersion: 'TLSv1.2',
    // Links live long. A session taken up again would rest on what was verified earlier, and for another connection.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
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
