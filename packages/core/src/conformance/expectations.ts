import assert from 'node:assert/strict';
import { type CodeName, RpcError } from '../errors/index.js';
import type { Link, LinkEnd } from '../transport/contract.js';
import { describeEnd } from './traffic.js';

/** What an error must be, as far as it is stated. */
export interface ExpectedError {
  readonly code?: CodeName;
  readonly reason?: string;
  /** A word that the message must contain. */
  readonly names?: string;
}

export function expectError(thrown: unknown, expected: ExpectedError): RpcError {
  assert.ok(RpcError.is(thrown), `expected an RpcError, found ${describe(thrown)}`);
  const found = `${thrown.code} (${thrown.reason}): ${thrown.message}`;
  if (expected.code !== undefined) assert.equal(thrown.code, expected.code, found);
  if (expected.reason !== undefined) assert.equal(thrown.reason, expected.reason, found);
  if (expected.names !== undefined) {
    assert.ok(thrown.message.includes(expected.names), `the message should name ${expected.names}: ${found}`);
  }
  return thrown;
}

export function expectThrows(action: () => unknown, expected: ExpectedError): RpcError {
  return expectError(catchThrown(action), expected);
}

export async function expectRejects(promise: Promise<unknown>, expected: ExpectedError): Promise<RpcError> {
  const thrown = await promise.then(
    () => assert.fail('expected a rejection, but the promise was fulfilled'),
    (error: unknown) => error,
  );
  return expectError(thrown, expected);
}

export function expectEndIs(
  end: LinkEnd | undefined,
  expected: { readonly by: LinkEnd['by']; readonly orderly: boolean } & ExpectedError,
): void {
  assert.ok(end !== undefined, 'the link has not ended');
  assert.equal(end.by, expected.by, `ended by: ${describeEnd(end)}`);
  assert.equal(end.orderly, expected.orderly, `orderly: ${describeEnd(end)}`);
  expectError(end.error, expected);
}

const nothing = Symbol('nothing was thrown');

function catchThrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return assert.fail('expected a throw, but nothing was thrown');
}

/** The action may succeed or throw an RpcError, and nothing else. */
function succeedsOrRpcError(what: string, action: () => unknown): void {
  let thrown: unknown = nothing;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown === nothing || RpcError.is(thrown), `${what} after the end threw ${describe(thrown)}`);
}

/**
 * Every method of a link that has ended and has been drained: an answer or an RpcError, never a fault, never a wait.
 * `blocking` tries the blocking ones too: only where somebody else watches the thread.
 */
export async function expectHarmless(link: Link, blocking: boolean): Promise<void> {
  const end = link.end;
  assert.ok(end !== undefined, 'the link has not ended');
  assert.equal(
    expectThrows(() => link.claim(1), {}),
    end.error,
    "claim throws the link's end error",
  );
  assert.throws(() => link.claim(0), RpcError.is, 'claim(0) throws');
  succeedsOrRpcError('commit', () => link.commit(0));
  succeedsOrRpcError('abandon', () => link.abandon());
  succeedsOrRpcError('flush', () => link.flush());
  assert.equal(link.receive(), null, 'receive gives null');
  assert.equal(link.ended, true, 'ended is true');
  succeedsOrRpcError('pollReadable', () => link.pollReadable());
  succeedsOrRpcError('release', () => link.release());
  const never = Number.POSITIVE_INFINITY;
  assert.equal(await link.whenReadable(never), true, 'whenReadable says yes to the end');
  assert.equal(await link.whenWritable(1, never), true, 'whenWritable says yes to the end');
  link.ref();
  link.unref();
  link.ref();
  if (blocking) {
    assert.equal(link.waitReadable(never), true, 'waitReadable says yes to the end');
    assert.equal(link.waitWritable(1, never), true, 'waitWritable says yes to the end');
    link.closeSync();
  }
  await link.close();
  link.abort();
  await link.close(never);
  assert.equal(typeof link.peer.address, 'string');
  assert.ok(link.maxMessageBytes >= 0);
  assert.equal(link.end, end, 'the end stays the one it was');
  assert.equal(await link.closed, end, 'closed settles with the same end');
}

export function describe(thrown: unknown): string {
  if (RpcError.is(thrown)) return `${thrown.code} (${thrown.reason}): ${thrown.message}`;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
