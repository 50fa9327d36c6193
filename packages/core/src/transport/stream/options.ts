import type { Direction } from '../contract.js';

export interface StreamLinkOptions {
  /** Bytes of the largest message to send or accept; at most 1 GiB. */
  readonly maxMessageBytes: number;
  /**
   * Bytes of committed messages that are kept while the stream is full: a claim beyond gets "full". One message of any
   * permitted size is taken when nothing else is unsent. @default 65536 (64 KiB)
   */
  readonly batchBytes?: number;
  /** @default 'duplex' */
  readonly direction?: Direction;
}

export const BATCH_BYTES = 65_536;

/** Milliseconds that `close` gives the peer to take what is unsent, unless told otherwise. */
export const CLOSE_MS = 2000;
