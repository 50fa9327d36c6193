import { Reason, RpcError } from '../errors/index.js';
import type { Deadline, Link } from '../transport/contract.js';

/** Something that must wait for a link before it can go on. */
export interface Wait {
  readonly for: 'message' | 'room';
  /** Room needed. */
  readonly bytes: number;
}

/**
 * A procedure that yields whenever it must wait, and is told whether what it waits for came (true) or the deadline did
 * (false). It is written once; how to wait, blocking or awaiting, is up to who drives it.
 */
export type Waits<T> = Generator<Wait, T, boolean>;

/** Drives a procedure by blocking the thread. */
export function driveSync<T>(procedure: Waits<T>, link: Link, deadline: Deadline): T {
  let step = procedure.next(true);
  while (!step.done) {
    const { bytes } = step.value;
    const came = step.value.for === 'message' ? link.waitReadable(deadline) : link.waitWritable(bytes, deadline);
    step = procedure.next(came);
  }
  return step.value;
}

/** Drives a procedure by awaiting. Rejects with the signal's reason when it fires. */
export async function driveAsync<T>(
  procedure: Waits<T>,
  link: Link,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<T> {
  let step = procedure.next(true);
  while (!step.done) {
    const { bytes } = step.value;
    const came =
      step.value.for === 'message'
        ? await link.whenReadable(deadline, signal)
        : await link.whenWritable(bytes, deadline, signal);
    step = procedure.next(came);
  }
  return step.value;
}

export function deadlinePassed(doing: string): RpcError {
  const words = `${doing}: the deadline passed`;
  return new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE, failed: 'channel' });
}
