import type { Address, AllowRule, Link, TransportOptions } from '@callgate/core/transport';
import type { Fd, Mapping, NativeAddon } from '@callgate/native';

/** What the meeting at a socket needs to know of the options. */
export interface MeetingOptions {
  readonly mode: number;
  readonly backlog: number;
  readonly allow?: AllowRule;
}

/** What a link is made of; it owns all the parts from then on. */
export interface Parts {
  readonly addon: NativeAddon;
  readonly mapping: Mapping;
  /** The socket at which the peers met; that it hangs up is the news of a death. */
  readonly socket: Fd;
}

/** What is handed over when two sides meet at a socket: the transports that do so differ in nothing else. */
export interface MemoryKind<O extends MeetingOptions> {
  readonly scheme: string;
  resolve(options: TransportOptions): O;
  /** Bytes of each way, one to the peer and one back, as the listening side's options have it. */
  wayBytes(options: O): number;
  /** Why ways of that size can't be, or undefined: the number comes from the peer. */
  wayProblem(wayBytes: number): string | undefined;
  /** Bytes of the whole memory. */
  memoryBytes(wayBytes: number): number;
  /** Writes what stands in fresh, zeroed memory. */
  initialise(memory: ArrayBuffer, wayBytes: number): void;
  /** What is wrong with memory that the peer made, or undefined. */
  memoryProblem(memory: ArrayBuffer, wayBytes: number): string | undefined;
  link(side: 'connector' | 'acceptor', wayBytes: number, parts: Parts, address: Address, options: O): Link;
}
