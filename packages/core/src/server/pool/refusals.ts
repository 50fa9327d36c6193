/** Why a call that a pool was to run fails, in the words that its caller sees. */
import { Reason, RpcError } from '../../errors/index.js';

export function poolDraining(path: string): RpcError {
  return new RpcError('UNAVAILABLE', `${path}: the server is shutting down`, { reason: Reason.DRAINING });
}

export function poolFull(path: string, maxQueued: number, retryAfterMs: number): RpcError {
  const words = `${path}: all workers are busy, and ${maxQueued} calls wait already (pool.maxQueued)`;
  return new RpcError('RESOURCE_EXHAUSTED', words, { reason: Reason.OVERLOADED, retryAfterMs });
}

export function wouldBeLate(path: string, waitMs: number, leftMs: number): RpcError {
  const words = `${path}: not queued, since it would be done in about ${Math.ceil(waitMs)} ms, and has ${Math.floor(leftMs)} ms left (all workers are busy, and others wait)`;
  return new RpcError('RESOURCE_EXHAUSTED', words, { reason: Reason.OVERLOADED, retryAfterMs: Math.ceil(waitMs) });
}

export function expiredInQueue(path: string): RpcError {
  const words = `${path}: the deadline passed at the server before a worker was free`;
  return new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE });
}

export function noWorkerReady(path: string): RpcError {
  const words = `${path}: not begun, since no worker waits (timeout: 'immediate')`;
  return new RpcError('UNAVAILABLE', words, { reason: Reason.NOT_READY });
}

/** `how`: what is known of the worker's end. */
export function workerDied(path: string, how: string): RpcError {
  const words = `${path}: the worker that had the call ended: ${how}`;
  return new RpcError('UNAVAILABLE', words, { reason: Reason.WORKER_DIED });
}
