import { type Address, type Link, type TransportOptions, WaysLink } from '@callgate/core/transport';
import type { MemoryKind, Parts } from '../memfd/kind.js';
import { PollingDoorbell } from './doorbell.js';
import { MESSAGE_BYTES, SIMPLE_BYTES } from './layout.js';
import { type ResolvedSimpleShmOptions, resolveSimpleShmOptions, type SimpleShmOptions } from './options.js';
import { SlotReader, SlotWriter } from './slots.js';

/** How long, in ms, to poll without a pause: an awake peer has usually answered by then. */
const POLL_MS = 0.05;

/** Two slots, one each way. */
export const slots: MemoryKind<ResolvedSimpleShmOptions> = {
  scheme: 'shm+simple',
  resolve: (options: TransportOptions) => resolveSimpleShmOptions(options as SimpleShmOptions),
  wayBytes: () => MESSAGE_BYTES,
  wayProblem: (bytes) =>
    bytes === MESSAGE_BYTES
      ? undefined
      : `slots of ${bytes} bytes are not those of shm+simple:, which have ${MESSAGE_BYTES}`,
  memoryBytes: () => SIMPLE_BYTES,
  // Zeroes are two empty slots.
  initialise: () => undefined,
  memoryProblem: () => undefined,
  link,
};

function link(
  side: 'connector' | 'acceptor',
  _wayBytes: number,
  parts: Parts,
  address: Address,
  options: ResolvedSimpleShmOptions,
): Link {
  const doorbell = new PollingDoorbell(parts, options.longestPauseMs);
  const { maxMessageBytes } = options;
  const outgoing = side === 'connector' ? 0 : 1;
  const memory = parts.mapping.buffer;
  const reader = new SlotReader(memory, outgoing === 0 ? 1 : 0, doorbell, maxMessageBytes);
  const writer = new SlotWriter(memory, outgoing, doorbell);
  const peer = { address: address.url, credentials: parts.addon.peerCredentials(parts.socket) };
  const processors = parts.addon.availableCpus();
  return new WaysLink(
    { doorbell, peer, maxMessageBytes, strategy: POLL_MS, called: 'slots', processors },
    reader,
    writer,
  );
}
