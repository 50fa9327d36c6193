import { inspect } from 'node:util';
import { RpcError } from '../../index.js';

/** An error as its user has it, as far as that travels between processes. */
export interface Told {
  readonly code: string;
  readonly reason: string;
  readonly failed: string;
  readonly message: string;
  /** Everything that can be seen of the error: its stack, its causes, what is hidden. */
  readonly inspected: string;
  /** When it was told: milliseconds of the machine's monotonic clock, the same for all processes. */
  readonly atMs: number;
}

export function tell(error: unknown): Told {
  const inspected = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  const { code, reason, failed, message } = RpcError.is(error) ? error : strange(error);
  return { code, reason, failed, message, inspected, atMs: monotonicMs() };
}

/** Callgate's functions throw nothing but RpcErrors: whatever else comes must not look like one. */
function strange(error: unknown) {
  return { code: 'no RpcError', reason: '', failed: '', message: error instanceof Error ? error.message : `${error}` };
}

/** The same at the other end, as something that can be thrown. */
export function retell(told: Told): Error & Told {
  return Object.assign(new Error(told.message), told);
}

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What a call that must fail failed with. */
export async function failure(call: Promise<unknown>): Promise<Told> {
  try {
    await call;
  } catch (error) {
    return error as Told;
  }
  throw new Error('the call succeeded');
}
