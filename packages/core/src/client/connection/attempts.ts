import { RpcError } from '../../errors/index.js';
import { Backoff, type ResolvedReconnectOptions } from './backoff.js';
import { passes } from './passes.js';

/** What has come of the attempts to connect to one address, and when the next one may be made. */
export class Attempts {
  readonly #backoff: Backoff;
  /** Why the last one failed, if another may succeed. */
  failure: RpcError | undefined;
  /** Attempts that failed, and connections that were lost. */
  failures = 0;

  constructor(options: ResolvedReconnectOptions) {
    this.#backoff = new Backoff(options);
  }

  /** When the next one may be made: an instant of performance.now(). */
  get retryAt(): number {
    return this.#backoff.retryAt;
  }

  /** Forgets the failures before: the next one may be made at once. */
  anew(): void {
    this.#backoff.succeeded();
  }

  succeeded(): void {
    this.failure = undefined;
    this.#backoff.succeeded();
  }

  failed(error: unknown): void {
    this.failures++;
    if (!passes(error)) return;
    this.failure = error;
    this.#backoff.failed(performance.now());
  }

  /** What who asks too early for another one is told; undefined when it may be made. */
  tooEarly(now: number): RpcError | undefined {
    const { retryAt } = this.#backoff;
    if (this.failure === undefined || now >= retryAt) return undefined;
    const { code, message, reason } = this.failure;
    const words = `${message} (the next attempt to connect is made in ${Math.ceil(retryAt - now)} ms; waitForReady waits for it)`;
    return new RpcError(code, words, { reason, failed: 'channel', cause: this.failure });
  }
}
