import {
  commonOptionChecks,
  integerBetween,
  type LossyOptions,
  lossyOptionChecks,
  type OptionCheck,
  oneOf,
  optionProblems,
  refuseBadOptions,
  type TransportOptions,
} from '@callgate/core/transport';
import { udpCapabilities } from './capabilities.js';

/** Options of `udp:`. Those of the listening side mean nothing to the connecting one, and are ignored there. */
export interface UdpOptions extends TransportOptions, LossyOptions {
  /**
   * Bytes of the largest message, one datagram each; the smaller of both sides' limits counts. The default fits into
   * one packet of any Ethernet: a larger datagram is cut into fragments on its way, and is lost when one of them is.
   * Up to 65491. @default 1400
   */
  readonly maxMessageBytes?: number;
  /**
   * Connecting side: what to do when the network says that nobody is there. `fail`: the link ends, or is not made,
   * UNAVAILABLE. `wait`: go on asking until the deadline; a server may be about to start. @default 'fail'
   */
  readonly whileUnreachable?: 'fail' | 'wait';
  /**
   * Listening side: milliseconds of silence after which a client is forgotten. Clients that are silent for half of that
   * say goodbye by themselves, and greet again for their next call. @default 60000
   */
  readonly idleMs?: number;
  /** Listening side: clients at the same time; more are refused. @default 1024 */
  readonly maxLinks?: number;
}

export interface ResolvedUdpOptions {
  readonly maxMessageBytes: number;
  readonly whileUnreachable: 'fail' | 'wait';
  readonly idleMs: number;
  readonly maxLinks: number;
}

const ownChecks = {
  whileUnreachable: oneOf(['fail', 'wait']),
  idleMs: integerBetween(30_000, 3_600_000),
  maxLinks: integerBetween(1, 1_000_000),
} satisfies Record<string, OptionCheck>;

const most = udpCapabilities(true).maxMessageBytes;

const checks: Readonly<Record<string, OptionCheck>> = {
  ...commonOptionChecks,
  ...lossyOptionChecks,
  ...ownChecks,
  maxMessageBytes: integerBetween(128, most),
};

export function udpOptionProblems(options: TransportOptions): readonly string[] {
  return optionProblems(options, checks);
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveUdpOptions(options: UdpOptions): ResolvedUdpOptions {
  refuseBadOptions('udp', udpOptionProblems(options));
  return Object.freeze({
    maxMessageBytes: options.maxMessageBytes ?? 1400,
    whileUnreachable: options.whileUnreachable ?? 'fail',
    idleMs: options.idleMs ?? 60_000,
    maxLinks: options.maxLinks ?? 1024,
  });
}
