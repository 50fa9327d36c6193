import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Direction, Link, Transport } from '../transport/contract.js';
import { backpressure } from './cases/backpressure.js';
import { blocking } from './cases/blocking.js';
import { death } from './cases/death.js';
import { directions } from './cases/directions.js';
import { ending } from './cases/ending.js';
import { handles } from './cases/handles.js';
import { leaks } from './cases/leaks.js';
import { listening } from './cases/listening.js';
import { lossy } from './cases/lossy.js';
import { manifest } from './cases/manifest.js';
import { messages } from './cases/messages.js';
import { peers } from './cases/peers.js';
import { threads } from './cases/threads.js';
import { waiting } from './cases/waiting.js';
import { promisedWhenLossy } from './lossy.js';
import {
  type Expected,
  type ResolvedTest,
  resolveTransportTest,
  type ThemeName,
  type TransportTest,
} from './options.js';
import { loadTransport } from './peer/self.js';
import { lookAtMachine } from './probe.js';
import { type Pair, Stage } from './stage.js';

/** A direction in which messages go. */
export interface Way {
  readonly name: string;
  /** From the end that connected to the end that was accepted. */
  readonly forth: boolean;
  readonly ends: (pair: Pair) => { readonly sender: Link; readonly receiver: Link };
}

/** What a theme sees while it states its cases. */
export interface Suite {
  readonly expected: Required<Expected>;
  /** In which the links of this run are opened, as the client sees it. */
  readonly direction: Direction;
  /** The ways that the transport should have. */
  readonly ways: readonly Way[];
  /** The ways that it should refuse. */
  readonly closedWays: readonly Way[];
  /** One promise of the contract. The stage is fresh, and cleared afterwards. */
  it(promise: string, body: (stage: Stage) => Promise<void>): unknown;
}

export type Theme = (suite: Suite) => void;

/** In the order in which they run. `leaks` is last: it also looks at what the others left behind. */
const themes: Readonly<Record<ThemeName, Theme>> = {
  manifest,
  directions,
  messages,
  handles,
  lossy,
  backpressure,
  waiting,
  ending,
  listening,
  blocking,
  death,
  peers,
  threads,
  leaks,
};

/**
 * States, to a test runner, every case that a transport must pass. Call it at the top level of a test file. See the
 * README beside this file. The runner's own limit of time per case should be above three times `patienceMs`.
 */
export function testTransport(options: TransportTest): void {
  const test = resolveTransportTest(options);
  const { describe, it, afterAll } = test.runner;
  let scratch: string | undefined;
  let transport: Promise<Transport> | undefined;
  let addresses = 0;
  const remoteUrls: string[] = [];

  const atStart = lookAtMachine();

  async function run(body: (stage: Stage) => Promise<void>): Promise<void> {
    transport ??= loadTransport(test.transport);
    scratch ??= mkdtempSync(join(tmpdir(), 'callgate-conformance-'));
    const folder = scratch;
    const newUrl = () => test.address(folder, addresses++);
    const stage = new Stage({ test, transport: await transport, newUrl, scratch: folder, remoteUrls, atStart });
    try {
      await withLimit(body(stage), test.patienceMs * 2);
    } finally {
      await stage.clear();
    }
  }

  describe(`${test.name} keeps the transport contract`, () => {
    const { ways, closedWays } = split(test);
    for (const [name, theme] of Object.entries(themes) as [ThemeName, Theme][]) {
      if (test.themes !== 'all' && !test.themes.has(name)) continue;
      const cases: [string, (stage: Stage) => Promise<void>][] = [];
      const isLossy = test.expected.capabilities.delivery === 'lossy';
      if (name === 'lossy' && !isLossy) continue;
      theme({
        expected: test.expected,
        direction: test.direction,
        ways,
        closedWays,
        it: (promise, body) => (isLossy && !promisedWhenLossy(promise) ? undefined : cases.push([promise, body])),
      });
      // Some runners take an empty group for a mistake.
      if (cases.length === 0) continue;
      describe(name, () => {
        for (const [promise, body] of cases) it(promise, () => run(body));
      });
    }
    afterAll(async () => {
      if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
    });
  });
}

/** A case that hangs fails by itself, and is cleared away, before the runner gives it up. */
export async function withLimit(body: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const late = () => reject(new assert.AssertionError({ message: `the case still hung after ${limitMs} ms` }));
    timer = setTimeout(late, limitMs);
  });
  try {
    await Promise.race([body, limit]);
  } finally {
    clearTimeout(timer);
  }
}

const forth: Way = {
  name: 'from client to server',
  forth: true,
  ends: ({ client, server }) => ({ sender: client, receiver: server }),
};
const back: Way = {
  name: 'from server to client',
  forth: false,
  ends: ({ client, server }) => ({ sender: server, receiver: client }),
};

function split(test: ResolvedTest): { readonly ways: readonly Way[]; readonly closedWays: readonly Way[] } {
  const { direction } = test;
  if (direction === 'duplex') return { ways: [forth, back], closedWays: [] };
  return direction === 'send' ? { ways: [forth], closedWays: [back] } : { ways: [back], closedWays: [forth] };
}
