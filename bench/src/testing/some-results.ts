import { createRecorder, type Recording } from '../recorder.js';
import type { Sample } from '../results.js';
import { type ResultsFile, resultsOf } from '../results-file.js';
import { subjectsOf } from '../rounds.js';
import { type CrowdScenario, crowds, scenarios } from '../scenario.js';
import { subjects } from '../subjects/index.js';

const recordings = new Map<number, Recording>();

/** Of calls that take so many microseconds, and some much longer. */
function recordingOf(us: number): Recording {
  const known = recordings.get(us);
  if (known !== undefined) return known;
  const recorder = createRecorder();
  for (let call = 1; call <= 500; call++) recorder.record(us / 1000 / (call / 501));
  recordings.set(us, recorder.recording());
  return recordingOf(us);
}

/** Results of a run that never was: every cell that there is, with plausible figures. */
export function someResults(rounds = 2): ResultsFile {
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      for (const [i, { name }] of subjectsOf(scenario, subjects).entries()) {
        const { count: calls, ...recording } = recordingOf(i + 1);
        const crowd = {
          connections: crowds[scenario as CrowdScenario],
          busy: 1,
          idleSeconds: 1,
          clientTicks: 0,
          serverTicks: 1,
          clientKiB: 12,
          serverKiB: 4 * (i + 1),
          sharedKiB: 0,
        };
        samples.push({
          ...{ scenario, subject: name, round, calls, ...recording },
          ...{ perSecond: 1e6 / recording.p50Us, cpuUsPerCall: recording.p50Us * 2, rssMiB: 100 + i },
          ...(scenario in crowds && { crowd }),
        });
      }
    }
  }
  const run = { quick: false, rounds, seconds: 1, warmUpSeconds: 0.5 };
  return resultsOf({ date: new Date('2026-01-02T03:04:05Z'), run, subjects, samples, failures: [] });
}
