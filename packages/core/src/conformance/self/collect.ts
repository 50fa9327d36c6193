import type { Runner, TransportTest } from '../options.js';
import { testTransport } from '../suite.js';

export interface Outcome {
  readonly name: string;
  readonly ms: number;
  /** Absent when the case passed. */
  readonly error?: unknown;
}

type Action = () => Promise<void>;

/** Runs the suite's cases whose name matches, one after the other, and keeps what came out. */
export function collect(test: Omit<TransportTest, 'runner'>, only?: RegExp): Promise<readonly Outcome[]> {
  return collectCases((runner) => testTransport({ ...test, runner }), only);
}

/** The smallest test runner, for any suite. */
export async function collectCases(state: (runner: Runner) => void, only = /(?:)/): Promise<readonly Outcome[]> {
  const cases: { readonly name: string; readonly body: Action }[] = [];
  const last: Action[] = [];
  const path: string[] = [];
  const runner: Runner = {
    describe(name, body) {
      path.push(name);
      body();
      path.pop();
    },
    it: (name, body) => void cases.push({ name: [...path.slice(1), name].join(' › '), body }),
    afterAll: (body) => void last.push(body),
  };
  state(runner);
  const outcomes: Outcome[] = [];
  for (const { name, body } of cases.filter((one) => only.test(one.name))) {
    const start = performance.now();
    const outcome = await body().then(
      () => ({ name }),
      (error: unknown) => ({ name, error }),
    );
    outcomes.push({ ...outcome, ms: performance.now() - start });
  }
  for (const body of last) await body();
  return outcomes;
}
