import type { StubMethod } from '../call-in-flight.js';
import type { CallsInFlight } from '../calls-in-flight.js';
import type { Balance } from './balance.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { Several } from './several.js';
import type { Target } from './target.js';
import type { Way } from './way.js';

export interface WayOptions extends ConnectionOptions {
  readonly balance: Balance;
}

/** The way to one address or to several: how many there are is asked once, what they are whenever a connection is made. */
export function wayTo(
  target: () => Target | readonly Target[],
  methods: readonly StubMethod[],
  calls: CallsInFlight,
  options: WayOptions,
): Way {
  const targets = (): readonly Target[] => [target()].flat();
  const connections = targets().map(
    ({ address }, i) => new Connection(address.url, () => targets()[i] as Target, methods, calls, options),
  );
  const [only] = connections;
  return only !== undefined && connections.length === 1 ? only : new Several(connections, options.balance);
}
