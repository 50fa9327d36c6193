import { encodeMetadata, Metadata, type MetadataParts } from '../channel/index.js';
import { type MetadataView, Reason, RpcError } from '../errors/index.js';
import type { CallMetadataOptions } from './options.js';

/** The metadata of a call whose options say anything of it; undefined for any other. Throws INVALID_ARGUMENT (BAD_METADATA). */
export function callMeta(options: CallMetadataOptions, path: string): CallMeta | undefined {
  const { metadata, onHeaders, onTrailers } = options;
  if (metadata === undefined && onHeaders === undefined && onTrailers === undefined) return undefined;
  return new CallMeta(options, path);
}

/** The metadata of one call, both ways, as the caller has it. */
export class CallMeta {
  /** What goes with the request. Not to be changed once it has been sent. */
  readonly metadata: Metadata;
  readonly #options: CallMetadataOptions;
  /** Of the method, for words. */
  readonly #path: string;
  #block: Buffer | undefined;
  #headersTold = false;
  /** What a blocking caller is to be told once nothing of the link is in use any more. */
  #kept: (() => void)[] = [];

  constructor(options: CallMetadataOptions, path: string) {
    this.#path = path;
    this.#options = options;
    this.metadata = new Metadata(options.metadata);
  }

  /** Bytes of what there is to send by now, which may still grow. */
  requestBytes(): number {
    return encodeMetadata(this.metadata)?.length ?? 0;
  }

  /** Undefined when there is nothing to send. */
  requestBlock(): Buffer | undefined {
    this.#block ??= encodeMetadata(this.metadata);
    return this.#block;
  }

  /**
   * Metadata has come, with the reply (`last`) or ahead of it. Tells the caller, or, when it blocks, keeps it until
   * `tellKept`. Throws RpcError when the caller does.
   */
  heard({ headers, trailers }: MetadataParts, last: boolean, blocking: boolean): void {
    const { onHeaders, onTrailers } = this.#options;
    if (!this.#headersTold) {
      this.#headersTold = true;
      this.#tell('onHeaders', onHeaders, headers, blocking);
    }
    if (last) this.#tell('onTrailers', onTrailers, trailers, blocking);
  }

  /** The caller has been told of headers: what is told him cannot be made to have never been. */
  get told(): boolean {
    return this.#headersTold && this.#options.onHeaders !== undefined && this.#kept.length === 0;
  }

  /** Another attempt is made, of which the caller hears; he has heard nothing of the last. */
  beginAgain(): void {
    this.#headersTold = false;
    this.#kept = [];
  }

  tellKept(): void {
    for (const tell of this.#kept.splice(0)) tell();
  }

  #tell(
    name: string,
    listener: ((metadata: MetadataView) => void) | undefined,
    metadata: MetadataView,
    later: boolean,
  ) {
    if (listener === undefined) return;
    const tell = (): void => {
      try {
        listener(metadata);
      } catch (thrown) {
        const detail = thrown instanceof Error ? thrown.message : String(thrown);
        throw new RpcError('CANCELLED', `${this.#path}: ${name} threw: ${detail}`, {
          reason: Reason.ABORTED_BY_CALLER,
          cause: thrown,
        });
      }
    };
    if (later) this.#kept.push(tell);
    else tell();
  }
}
