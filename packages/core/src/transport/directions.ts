import { Reason, RpcError } from '../errors/index.js';
import type { Capabilities, Direction, Transport } from './contract.js';

/** What the other end of such a link sees. */
export function opposite(direction: Direction): Direction {
  return direction === 'duplex' ? direction : direction === 'send' ? 'receive' : 'send';
}

/** The direction in which links are opened when nobody says: both ways, where that can be. */
export function defaultDirection(side: Side, { directions }: Capabilities): Direction {
  const connecting = directions.includes('duplex') ? 'duplex' : (directions[0] ?? 'duplex');
  return side === 'connect' ? connecting : opposite(connecting);
}

export type Side = 'connect' | 'listen';

/** Why a transport can't open a link in a direction, or undefined. FAILED_PRECONDITION (UNSUPPORTED), naming the capability. */
export function directionProblem(
  transport: Transport,
  side: Side,
  direction: Direction,
  url: string,
): RpcError | undefined {
  const { directions } = transport.capabilities;
  if (directions.includes(side === 'connect' ? direction : opposite(direction))) return undefined;
  const can = directions.map((one) => (side === 'connect' ? one : opposite(one))).join(', ');
  const words = `${url}: the ${transport.scheme}: transport can't ${side} with direction ${direction}; it can with ${can} (capability directions)`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED, failed: 'channel' });
}

/** The two ends of a link have been opened in directions that do not fit. For transports that can tell. */
export function directionMismatch(url: string, connecting: Direction, listening: Direction): RpcError {
  const words = `${url}: who listens there opens links with direction ${listening}; connect with direction ${opposite(listening)}, not ${connecting}`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED, failed: 'channel' });
}
