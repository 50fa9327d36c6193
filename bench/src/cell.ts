import { readFileSync } from 'node:fs';
import { runBare } from './bare.js';
import type { Children } from './children.js';
import type { Measurement } from './client-main.js';
import { measureFanIn } from './fan-in.js';
import { replyBytes, requestBytes } from './message.js';
import { runNative } from './native-peer.js';
import { startPair } from './pair.js';
import { type CrowdScenario, crowds, dataBytesOf, type Scenario } from './scenario.js';
import { measureStart } from './start.js';
import type { Subject } from './subject.js';

export interface CellOptions {
  readonly scenario: Scenario;
  readonly subject: Subject;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The command line of another program under which to run all processes, such as taskset. @default none */
  readonly wrap?: readonly string[];
}

/** Measures one subject in one scenario, once, in processes started for it. */
export async function runCell(children: Children, options: CellOptions): Promise<Measurement> {
  const { scenario, subject, seconds, warmUpSeconds, wrap = scenario === 'one-core' ? onOneCore() : [] } = options;
  if (subject.kind === 'bare') {
    const { mechanism } = subject;
    const bytes = dataBytesOf(scenario);
    const loads = bytes === undefined ? { requestBytes, replyBytes } : { requestBytes: bytes, replyBytes: bytes };
    return runBare(children, { mechanism, ...loads, seconds, warmUpSeconds }, wrap);
  }
  if (subject.kind === 'native') return runNative(children, { ...options, subject });
  if (scenario === 'start-up' || scenario === 'cold') return measureStart(children, { ...options, subject, scenario });
  if (scenario === 'fan-in-16') return measureFanIn(children, { ...options, subject });
  const times = { seconds, warmUpSeconds };
  const connections = scenario in crowds ? crowds[scenario as CrowdScenario] : undefined;
  const task =
    connections === undefined
      ? ({ kind: 'measure', scenario, ...times } as const)
      : ({ kind: 'crowd', connections, ...times } as const);
  const pair = await startPair(children, subject, task, () => wrap);
  const line = await pair.client.nextLine();
  await pair.stop();
  return JSON.parse(line) as Measurement;
}

/** The command line in front of another that keeps it on the first processor that this process may use. */
export function onOneCore(): readonly string[] {
  // 0 is not always among them. Source: proc_pid_status(5).
  const first = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return ['taskset', '-c', first];
}
