import { badOption } from '../../channel/index.js';

/**
 * How long a client waits between attempts to connect. The first attempt after a failure follows at once, since a server
 * that is started anew is mostly there by then; the next after `initialBackoffMs`, and so on, `multiplier` times as long
 * each. A success begins anew. Source: gRPC's connection backoff protocol, whose numbers (1 s, 120 s) are for networks.
 */
export interface ReconnectOptions {
  /** Milliseconds between the second failure in a row and the attempt after it. @default 10 */
  readonly initialBackoffMs?: number | undefined;
  /** Milliseconds between two attempts, at most (before the jitter). @default 2000 */
  readonly maxBackoffMs?: number | undefined;
  /** 1 or more. @default 1.6 */
  readonly multiplier?: number | undefined;
  /** Each wait is longer or shorter by up to this part of it (0 … 1), so that many clients do not come all at once. @default 0.2 */
  readonly jitter?: number | undefined;
}

export type ResolvedReconnectOptions = { readonly [K in keyof ReconnectOptions]-?: number };

const DEFAULTS: ResolvedReconnectOptions = { initialBackoffMs: 10, maxBackoffMs: 2000, multiplier: 1.6, jitter: 0.2 };

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolveReconnectOptions(options: ReconnectOptions = {}): ResolvedReconnectOptions {
  if (typeof options !== 'object' || options === null) throw badOption('reconnect', 'a map of options', options);
  const unknown = Object.keys(options).find((name) => !(name in DEFAULTS));
  if (unknown !== undefined)
    throw badOption(`reconnect.${unknown}`, `one of ${Object.keys(DEFAULTS).join(', ')}`, unknown);
  const value = (name: keyof ReconnectOptions): number => options[name] ?? DEFAULTS[name];
  const resolved = {
    initialBackoffMs: value('initialBackoffMs'),
    maxBackoffMs: value('maxBackoffMs'),
    multiplier: value('multiplier'),
    jitter: value('jitter'),
  };
  const { initialBackoffMs, maxBackoffMs, multiplier, jitter } = resolved;
  if (!(initialBackoffMs >= 0))
    throw badOption('reconnect.initialBackoffMs', 'milliseconds of 0 or more', initialBackoffMs);
  if (!(maxBackoffMs >= 0)) throw badOption('reconnect.maxBackoffMs', 'milliseconds of 0 or more', maxBackoffMs);
  if (!(multiplier >= 1)) throw badOption('reconnect.multiplier', 'a number of 1 or more', multiplier);
  if (!(jitter >= 0 && jitter <= 1)) throw badOption('reconnect.jitter', 'a number from 0 to 1', jitter);
  return Object.freeze(resolved);
}

/** When a client may try to connect. Instants are those of performance.now(). */
export class Backoff {
  readonly #options: ResolvedReconnectOptions;
  readonly #random: () => number;
  #failures = 0;
  #retryAt = Number.NEGATIVE_INFINITY;

  /** `random` gives numbers from 0 to 1. */
  constructor(options: ResolvedReconnectOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** The next attempt may begin then; in the past when it may at once. */
  get retryAt(): number {
    return this.#retryAt;
  }

  /** An attempt has failed at `now`. */
  failed(now: number): void {
    this.#failures++;
    const { initialBackoffMs, maxBackoffMs, multiplier, jitter } = this.#options;
    const waits = this.#failures - 2;
    const ms = waits < 0 ? 0 : Math.min(maxBackoffMs, initialBackoffMs * multiplier ** waits);
    this.#retryAt = now + ms * (1 + jitter * (2 * this.#random() - 1));
  }

  succeeded(): void {
    this.#failures = 0;
    this.#retryAt = Number.NEGATIVE_INFINITY;
  }
}
