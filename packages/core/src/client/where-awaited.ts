import { turn, turnIsDue } from '../channel/index.js';
import type { RpcError } from '../errors/index.js';

/**
 * What the promise of a failed call is resolved with. Rejects with the error, whose stack has become that of whoever awaits it:
 * `at async`, and the lines that lead to the call. An error that is made where a reply comes in has none of them.
 *
 * The engine finds them by following who waits for what, beginning at the microtask that captures a stack. The caller's
 * promise waits for this one only after the first turn, so the stack is captured in the second. A call that succeeds pays
 * nothing for this. Source: https://v8.dev/blog/fast-async#improved-developer-experience
 *
 * What fails at once, such as a call over a link whose end is only to be read yet, must not keep the event loop from
 * turning while its caller tries again and again: nothing would ever change.
 */
export async function failWhereAwaited(error: RpcError): Promise<never> {
  if (turnIsDue(performance.now())) await turn();
  await undefined;
  await undefined;
  Error.captureStackTrace(error, failWhereAwaited);
  throw error;
}
