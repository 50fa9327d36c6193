import type { Capabilities, Direction, TransportOptions } from '../transport/contract.js';

/** What the suite needs of a test runner: vitest, node:test and mocha have it (`after` serves as `afterAll`). */
export interface Runner {
  describe(name: string, body: () => void): unknown;
  /** Cases take no argument and return a promise. They bring their own limits of time. */
  it(name: string, body: () => Promise<void>): unknown;
  afterAll(body: () => Promise<void>): unknown;
}

/** What the test's author knows of the transport, written by hand: never taken from the transport's own manifest. */
export interface Expected {
  readonly capabilities: Capabilities;
  /** Where else than on the listener's own thread its peer can be. What is off here is proved to be unreachable. */
  readonly reach: {
    /** On another thread of the same process. */
    readonly worker: boolean;
    /** In another process. */
    readonly process: boolean;
  };
  /** Small messages that a link takes, at least, while nobody receives them. @default 4 */
  readonly holds?: number;
}

/** A module that exports a Transport. Child processes and worker threads import it too. */
export interface TransportModule {
  /** URL of the compiled module, such as `new URL('./index.js', import.meta.url)`. */
  readonly url: string | URL;
  /** Name under which the module exports the transport. */
  readonly name: string;
}

export type ThemeName =
  | 'manifest'
  | 'directions'
  | 'messages'
  | 'handles'
  | 'lossy'
  | 'backpressure'
  | 'waiting'
  | 'ending'
  | 'listening'
  | 'blocking'
  | 'death'
  | 'peers'
  | 'threads'
  | 'leaks';

export interface TransportTest {
  readonly runner: Runner;
  /** Shown in front of the cases. */
  readonly name: string;
  readonly transport: TransportModule;
  /**
   * A URL at which nobody listens yet, another one for each `n`. Whatever the transport makes in the file system must
   * be made in `scratch`, which must be empty again at the end.
   */
  readonly address: (scratch: string, n: number) => string;
  readonly expected: Expected;
  /**
   * Plain data, for both ends of every link. Small buffers and a small `maxMessageBytes` (64 KiB, say) make the suite
   * quick and reach the ends of buffers more often. @default {}
   */
  readonly options?: TransportOptions;
  /** Milliseconds after which something that should happen counts as never happening. @default 10000 */
  readonly patienceMs?: number;
  /**
   * Milliseconds within which a full link may find more room by itself, although nobody reads: 250 for TCP on Linux, which
   * asks after 200 ms whether the peer's system has grown its buffers meanwhile. @default 0
   */
  readonly settlingMs?: number;
  /**
   * In which direction, as the client sees it, links are opened where the transport has several. Beside a run with its
   * duplex links, a transport wants one with those that go one way. @default duplex where that can be
   */
  readonly direction?: Direction;
  /** Only these. @default all */
  readonly themes?: readonly ThemeName[];
}

/** A transport as other threads and processes load it, and how it is to open its links. */
export interface DirectedModule {
  readonly url: string;
  readonly name: string;
  /** As the client sees it; undefined leaves it to the transport. */
  readonly direction?: Direction | undefined;
}

/** A TransportTest with nothing left open. */
export interface ResolvedTest extends Omit<Required<TransportTest>, 'transport' | 'themes' | 'expected'> {
  readonly expected: Required<Expected>;
  /** As plain data, for other threads and processes. */
  readonly transport: DirectedModule;
  readonly themes: ReadonlySet<ThemeName> | 'all';
}

export function resolveTransportTest(test: TransportTest): ResolvedTest {
  const patienceMs = test.patienceMs ?? 10_000;
  const { delivery, directions } = test.expected.capabilities;
  const { direction } = test;
  // Cases that must not hold for others would otherwise be left out in silence.
  if (delivery === 'coalesced')
    throw new RangeError('delivery: the suite judges "exact" and "lossy" only, found "coalesced"');
  if (!(patienceMs > 0)) throw new RangeError(`patienceMs: expected a positive number, found ${patienceMs}`);
  if (direction !== undefined && !directions.includes(direction))
    throw new RangeError(`direction: expected one of ${directions.join(', ')}, found "${direction}"`);
  return Object.freeze({
    ...test,
    direction: direction ?? (directions.includes('duplex') ? 'duplex' : (directions[0] ?? 'duplex')),
    transport: { url: String(test.transport.url), name: test.transport.name, direction },
    expected: { ...test.expected, holds: test.expected.holds ?? 4 },
    options: test.options ?? {},
    patienceMs,
    settlingMs: test.settlingMs ?? 0,
    themes: test.themes === undefined ? ('all' as const) : new Set(test.themes),
  });
}
