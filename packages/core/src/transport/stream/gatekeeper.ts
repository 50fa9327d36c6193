import { setMaxListeners } from 'node:events';
import { Reason, RpcError } from '../../errors/index.js';
import type { AllowRule, Link } from '../contract.js';
import { refusal } from '../options.js';
import type { ByteStream } from './contract.js';
import { openStreamLink, refuseStream } from './greeting.js';
import type { StreamLinkOptions } from './options.js';

/** How long, in ms, a client may take for its greeting, which it sends right after connecting. */
const GREETING_MS = 10_000;
/** The same while the listener leaves. */
const LEAVING_MS = 1000;

/** Makes links of what a listener has accepted. */
export interface Gatekeeper {
  admit(stream: ByteStream): void;
  /** Drops those that have not greeted yet. */
  close(): void;
  /** Resolves when all that were admitted have greeted, or after a second, and drops the others. */
  leave(): Promise<void>;
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
  const greeting = new Set<Promise<void>>();
  return {
    admit(stream) {
      const { credentials } = stream.peer;
      const refused = credentials === undefined ? undefined : refusal(options.allow, credentials, url);
      if (refused === undefined) {
        const deadline = performance.now() + GREETING_MS;
        const opening = openStreamLink(stream, options, deadline, closing.signal, false)
          .then(onLink, failed)
          .finally(() => greeting.delete(opening));
        greeting.add(opening);
      } else {
        refuseStream(stream, refused);
        onError(refused);
      }
    },
    close: () => closing.abort(),
    async leave() {
      const timer = setTimeout(() => closing.abort(), LEAVING_MS);
      await Promise.all(greeting);
      clearTimeout(timer);
      closing.abort();
    },
  };
}
