import type { Channel, ChannelLife } from '../../channel/index.js';
import type { RpcError } from '../../errors/index.js';
import type { Deadline, LinkEnd, Peer } from '../../transport/contract.js';
import type { Connectivity, ConnectivityState } from './connectivity.js';
import type { OpenChannel } from './open-channel.js';

/** A call that waits for a connection, however often one can't be made. */
export interface Waiting {
  readonly settled: boolean;
  /** Told why there is none yet. */
  hindrance: RpcError | undefined;
}

/** One address of a client, as its statistics tell it. */
export interface AddressStats {
  readonly url: string;
  readonly state: ConnectivityState;
  /** Calls that have been sent there and not ended. */
  readonly inFlight: number;
  /** Calls that have been sent there since the client was made, each attempt counted. */
  readonly calls: number;
  /** Attempts to connect that failed, and connections that were lost. */
  readonly failures: number;
  /** Why it can't be reached, as far as the last attempt has shown. */
  readonly lastError: RpcError | undefined;
}

/** A client's way to its servers, be there one address or several. */
export interface Way {
  readonly connectivity: Connectivity;
  readonly life: ChannelLife;
  readonly peer: Peer | undefined;
  /** How the last channel ended; undefined while there is one, and before the first. */
  readonly lastEnd: LinkEnd | undefined;
  readonly addresses: readonly AddressStats[];
  /** The places that they lead to, however they are spelt. */
  readonly places: readonly string[];
  /** A live channel for the next call, if there is one; another than `avoided` where there are several. */
  pick(avoided?: Channel): OpenChannel | undefined;
  /** Connects, unless it is too early for another attempt: then it fails with the last one's failure. */
  open(): Promise<OpenChannel>;
  /** As many attempts as it takes, until whoever waits is settled. Fails with what no further attempt would change. */
  openWaiting(waiting: Waiting): Promise<OpenChannel>;
  /** Blocks the thread: for one attempt per address (see `open`), or for as many as it takes (see `openWaiting`). */
  openSync(deadline: Deadline, waiting: Waiting | undefined, avoided?: Channel): OpenChannel;
  /** For a thread that blocks, and hears nothing between its calls: finds out whether a server has gone meanwhile. */
  look(): void;
  /** The server takes no more calls over this channel, or it has ended: the next call needs another. */
  retire(channel: Channel): void;
  /** Whether connections, or the wait for one, keep the event loop alive: while calls are in flight. */
  keepAlive(alive: boolean): void;
  /** Orderly; what is in flight must have been ended before. */
  close(): Promise<void>;
  closeSync(): void;
}
