import {
  commonOptionChecks,
  DEFAULT_MAX_MESSAGE_BYTES,
  integerBetween,
  isBoolean,
  type OptionCheck,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';

/** Options of `tls:`. Those of the listening side mean nothing to the connecting one, and the other way round. */
export interface TlsOptions extends TransportOptions {
  /**
   * This side's certificate, and behind it those between it and the authority: PEM text, or the path of such a file. A
   * server must have one. @default none
   */
  readonly cert?: string;
  /** The private key of `cert`, not encrypted: PEM text, or the path of such a file. @default none */
  readonly key?: string;
  /**
   * Authorities whose word for the other side counts, and no others: PEM text, or the path of such a file, or a list of
   * either. @default the public ones that Node.js brings along, to a client; none, to a server
   */
  readonly ca?: string | readonly string[];
  /** Listening side: only clients with a certificate by `ca`, which must be stated then. @default false */
  readonly requestCert?: boolean;
  /** Connecting side: the name that the server's certificate must be for. @default the host of the address */
  readonly servername?: string;
  /**
   * Links that are opened by awaiting, and those of a listener, can block their thread, too: another thread keeps the
   * connections, and each message takes two more wake-ups. What is opened by blocking can always block. @default false
   */
  readonly blocking?: boolean;
  /** Listening side: connections that may wait to be accepted; the system has a limit of its own. @default 511 */
  readonly backlog?: number;
  /**
   * Bytes of messages that wait in this process while the peer does not read: more get "full". One message of any
   * permitted size is always taken when nothing else waits. @default 65536 (64 KiB)
   */
  readonly batchBytes?: number;
  /** Milliseconds without traffic until the system asks whether the peer's is still there; 0: never. @default 10000 */
  readonly keepAliveIdleMs?: number;
}

type Defaulted = 'maxMessageBytes' | 'requestCert' | 'blocking' | 'backlog' | 'batchBytes' | 'keepAliveIdleMs';

export type ResolvedTlsOptions = Readonly<
  Required<Pick<TlsOptions, Defaulted>> & Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'servername'>
>;

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const pem: OptionCheck = (value) => (isText(value) ? undefined : 'PEM text, or the path of a PEM file');
const pems: OptionCheck = (value) =>
  [value].flat().every(isText) && [value].flat().length > 0
    ? undefined
    : 'PEM text, or the path of a PEM file, or a list of either';

const ownChecks: Readonly<Record<string, OptionCheck>> = {
  cert: pem,
  key: pem,
  ca: pems,
  requestCert: isBoolean,
  blocking: isBoolean,
  servername: (value) => (isText(value) ? undefined : 'a host name or an address'),
  backlog: integerBetween(1, 65_535),
  batchBytes: integerBetween(1024, 2 ** 30),
  keepAliveIdleMs: integerBetween(0, 32_767_000),
};

const checks = { ...commonOptionChecks, ...ownChecks };

/** Its own, and those that mean the same to all. */
export const tlsOptionNames: readonly string[] = ['maxMessageBytes', ...Object.keys(ownChecks)];

/** A private key is nothing to print. */
const hidden = (line: string): string => line.replace(/("|\[").*-----BEGIN.*/, '(PEM text)');

export function tlsOptionProblems(options: TransportOptions): readonly string[] {
  const problems = optionProblems(options, checks).map(hidden);
  const { cert, key, ca, requestCert } = options as TlsOptions;
  if (cert === undefined && key !== undefined) problems.push('cert: expected the certificate of `key`, found none');
  if (cert !== undefined && key === undefined) problems.push('key: expected the private key of `cert`, found none');
  if (requestCert === true && ca === undefined)
    problems.push('ca: expected the authorities of the certificates that requestCert asks for, found none');
  return problems;
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveTlsOptions(options: TlsOptions): ResolvedTlsOptions {
  refuseBadOptions('tls', tlsOptionProblems(options));
  const { cert, key, ca, servername } = options;
  return Object.freeze({
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    requestCert: options.requestCert ?? false,
    blocking: options.blocking ?? false,
    backlog: options.backlog ?? 511,
    batchBytes: options.batchBytes ?? 65_536,
    keepAliveIdleMs: options.keepAliveIdleMs ?? 10_000,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
  });
}

/** For links that live on an event loop. */
export const BLOCKING_REMEDY = 'open the link with the option `blocking: true` of the tls: transport';
