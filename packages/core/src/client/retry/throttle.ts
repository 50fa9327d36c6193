/** The bucket of `RetryThrottling`. */
export class Throttle {
  readonly #most: number;
  readonly #ratio: number;
  #tokens: number;

  constructor({ maxTokens, tokenRatio }: { readonly maxTokens: number; readonly tokenRatio: number }) {
    this.#most = maxTokens;
    this.#ratio = tokenRatio;
    this.#tokens = maxTokens;
  }

  succeeded(): void {
    if (this.#tokens < this.#most) this.#tokens = Math.min(this.#most, this.#tokens + this.#ratio);
  }

  failed(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  get permits(): boolean {
    return this.#tokens > this.#most / 2;
  }
}
