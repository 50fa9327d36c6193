import type { Capabilities, TransportOptions } from '../../transport/contract.js';
import type { Runner, TransportModule } from '../options.js';

/** What `testNotifications` needs to know of a transport whose links carry notifications. */
export interface NotificationTest {
  readonly runner: Runner;
  /** Shown in front of the cases. */
  readonly name: string;
  readonly transport: TransportModule;
  /** A URL at which nobody listens yet, another one for each `n`; its files belong into `scratch`, which must be empty at the end. */
  readonly address: (scratch: string, n: number) => string;
  /** Written by hand, never taken from the transport's own manifest. */
  readonly capabilities: Capabilities;
  /**
   * Listening options under which the first notification of those that the suite listens for merges while it waits;
   * without them, and all others, nothing merges. `undefined`: nothing ever does.
   */
  readonly merging?: TransportOptions;
  /** Notifications that can wait at least, for the cases that let many wait. @default 500 */
  readonly waiting?: number;
  /** Milliseconds after which something that should happen counts as never happening. @default 5000 */
  readonly patienceMs?: number;
}
