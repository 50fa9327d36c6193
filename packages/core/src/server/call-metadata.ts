import { type Channel, encodeMetadata, freezeMetadata, Kind, Metadata } from '../channel/index.js';

/** The metadata of one call, both ways, as the callee has it. Made for calls that have any, or are asked for it. */
export class CallMetadata {
  readonly received: Metadata;
  readonly headers = new Metadata();
  readonly trailers = new Metadata();
  #headersSent = false;

  constructor(received = new Metadata()) {
    this.received = received;
  }

  /** Sends the headers ahead of the reply. Throws RESOURCE_EXHAUSTED (METADATA_TOO_LARGE). */
  sendHeaders(channel: Channel, callId: number, path: string): void {
    if (this.#headersSent) return;
    const block = encodeMetadata(this.headers);
    if (block !== undefined) channel.checkHeaders(block.length);
    channel.sendLater(Kind.HEADERS, 0, callId, 0, undefined, block);
    this.#headersSent = true;
    this.freeze(path);
  }

  freeze(path: string): void {
    freezeMetadata(this.headers, `${path}: the headers are on their way; what comes later goes into the trailers`);
  }

  /** What goes with the reply, as a block; undefined for nothing. */
  block(): Buffer | undefined {
    return encodeMetadata(this.#headersSent ? undefined : this.headers, this.trailers);
  }
}
