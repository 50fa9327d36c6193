import { setMaxListeners } from 'node:events';
import { Reason, RpcError } from '../../errors/index.js';
import type { AllowRule, Link } from '../contract.js';
import { refusal } from '../options.js';
import type { ByteStream } from './contract.js';
import { openStreamLink, refuseStream } from './greeting.js';
import type { StreamLinkOptions } from './options.js';

/** How long, in ms, a client may take for its greeting, which it sends right after connecting. */
const GREETING_MS = 10_000;

/** Makes links of what a listener has accepted. */
export interface Gatekeeper {
  admit(stream: ByteStream): void;
  /** Drops those that have not greeted yet. */
  close(): void;
}

/** What the gatekeeper needs to know of a transport's options. */
export interface AdmissionOptions extends StreamLinkOptions {
  readonly allow?: AllowRule;
}

export function createGatekeeper(
  url: string,
  options: AdmissionOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void,
): Gatekeeper {
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const failed = (error: unknown): void => {
    // Who comes only to see whether a server is there says so and goes.
    const looked = RpcError.is(error) && error.reason === Reason.PEER_CLOSED;
    if (!closing.signal.aborted && !looked) onError(RpcError.from(error));
  };
  return {
    admit(stream) {
      const { credentials } = stream.peer;
      const refused = credentials === undefined ? undefined : refusal(options.allow, credentials, url);
      if (refused === undefined) {
        const deadline = performance.now() + GREETING_MS;
        openStreamLink(stream, options, deadline, closing.signal, false).then(onLink, failed);
      } else {
        refuseStream(stream, refused);
        onError(refused);
      }
    },
    close: () => closing.abort(),
  };
}
