import { millisecondsOf } from '../channel/index.js';
import { Reason, RpcError } from '../errors/index.js';
import type { CloseOptions } from './contract.js';

export interface DrainOptions {
  /** Milliseconds for what was taken to be finished; what is left then is stopped. @default 30000 */
  readonly timeoutMs?: number | undefined;
  /** The same as an instant of `performance.now()`. Not both. @default none */
  readonly deadline?: number | undefined;
  /** Why the server goes, in words for those whose calls are stopped at the deadline: see `CloseOptions`. @default none */
  readonly epitaph?: string | undefined;
}

const DEFAULT_MS = 30_000;
const DEFAULT_CLOSE_MS = 5000;

/** The instant of performance.now() at which draining ends at the latest. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function drainDeadline(options: DrainOptions, now: number): number {
  checkLeaving('drain', options, ['timeoutMs', 'deadline', 'epitaph']);
  const { timeoutMs, deadline } = options;
  if (timeoutMs !== undefined && deadline !== undefined) {
    throw bad('drain: timeoutMs and deadline say the same in two ways: give one of them');
  }
  if (deadline === undefined) {
    if (timeoutMs === undefined) return now + DEFAULT_MS;
    if (!(typeof timeoutMs === 'number' && timeoutMs >= 0)) {
      throw bad(`drain: timeoutMs: expected milliseconds of 0 or more, found ${String(timeoutMs)}`);
    }
    return now + timeoutMs;
  }
  if (typeof deadline === 'number' && !Number.isNaN(deadline)) return deadline;
  throw bad(`drain: deadline: expected an instant of performance.now(), found ${String(deadline)}`);
}

/** Checks what `drain` and `close` share. Throws INVALID_ARGUMENT (BAD_OPTION). */
function checkLeaving(what: string, options: CloseOptions, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw bad(`${what}: ${unknown}: unknown option; known are ${known.join(', ')}`);
  const { epitaph } = options;
  if (epitaph !== undefined && typeof epitaph !== 'string') {
    throw bad(`${what}: epitaph: expected words, found ${String(epitaph)}`);
  }
}

/** How long, in ms, a server that closes waits for what runs. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function closeTimeoutMs(options: CloseOptions): number {
  checkLeaving('close', options, ['timeoutMs', 'epitaph']);
  return options.timeoutMs === undefined ? DEFAULT_CLOSE_MS : millisecondsOf('close: timeoutMs', options.timeoutMs);
}

function bad(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}

/** Why clients are sent away. */
export function goAway(epitaph: string | undefined): RpcError {
  const words = `the server takes no more calls${epitaph === undefined ? '' : `: ${epitaph}`}`;
  return new RpcError('UNAVAILABLE', words, { reason: Reason.DRAINING });
}

/** A pause between two looks at what is left to be finished, which can be cut short. */
export class LookAgain {
  #wake: (() => void) | undefined;

  /** Resolves after `ms`, or when it is woken. */
  async after(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  wake(): void {
    this.#wake?.();
  }
}
