import { directionProblem } from '../../channel/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { Address, Mode, Transport, TransportOptions } from '../../transport/contract.js';
import type { ClientDirection } from '../options.js';

/** Where a client's calls go. */
export interface Target {
  readonly address: Address;
  readonly transport: Transport;
  readonly transportOptions: TransportOptions;
}

/** Why a target can't carry such a client's calls, or undefined. FAILED_PRECONDITION, naming the capability. */
export function targetProblem(target: Target, direction: ClientDirection, mode: Mode): RpcError | undefined {
  const { transport, address } = target;
  const problem = directionProblem(transport, 'connect', direction, address.url);
  if (problem !== undefined) return problem;
  if (direction === 'duplex' || mode === 'async' || transport.capabilities.confirms) return undefined;
  const words = `${address.url}: a blocking one-way call waits until it has been taken, which the ${transport.scheme}: transport can't tell (capability confirms); use a client whose calls are awaited`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
