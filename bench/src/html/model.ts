import { valuesAt } from '../recorder.js';
import { type Row, summarise } from '../results.js';
import type { ResultsFile, StoredSample } from '../results-file.js';
import type { Scenario } from '../scenario.js';

/** A subject as it is drawn: the same colour in all plots. */
export interface Drawn {
  readonly name: string;
  readonly kind: 'callgate' | 'peer' | 'native' | 'bare';
  readonly about: string;
  readonly colour: string;
}

/** What plots are made from: medians over the rounds, and colours. */
export interface Model {
  readonly results: ResultsFile;
  readonly rows: readonly Row[];
  subject(name: string): Drawn;
  /** Of one scenario, in the order of the subjects. */
  rowsOf(scenario: Scenario): readonly Row[];
  row(scenario: Scenario, subject: string): Row | undefined;
  /** Microseconds at percentiles, of all rounds together; undefined where no distribution was kept. */
  distribution(scenario: Scenario, subject: string, percentiles: readonly number[]): readonly number[] | undefined;
}

/** Callgate in blues and greens, peers in warm colours, the bare mechanisms in greys. */
const hues = { callgate: [165, 275], peer: [0, 60], native: [300, 335], bare: [0, 0] } as const;

export function modelOf(results: ResultsFile): Model {
  const rows = summarise(results.samples as readonly StoredSample[]);
  const drawn = new Map(
    results.subjects.map((subject) => [subject.name, { ...subject, colour: colourOf(subject, results) }]),
  );
  const order = [...drawn.keys()];
  return {
    results,
    rows,
    subject(name) {
      const found = drawn.get(name);
      if (!found) throw new Error(`the results say nothing of a subject ${name}`);
      return found;
    },
    rowsOf: (scenario) =>
      rows
        .filter((row) => row.scenario === scenario)
        .sort((a, b) => order.indexOf(a.subject) - order.indexOf(b.subject)),
    row: (scenario, subject) => rows.find((row) => row.scenario === scenario && row.subject === subject),
    distribution(scenario, subject, percentiles) {
      const histogram = results.histograms[`${scenario} ${subject}`];
      return histogram === undefined ? undefined : valuesAt(histogram, percentiles);
    },
  };
}

function colourOf({ name, kind }: Pick<Drawn, 'name' | 'kind'>, { subjects }: ResultsFile): string {
  const alike = subjects.filter((subject) => subject.kind === kind);
  const i = alike.findIndex((subject) => subject.name === name);
  const [from, to] = hues[kind];
  const hue = alike.length === 1 ? from : from + ((to - from) * i) / (alike.length - 1);
  // Neighbours differ in lightness, too. Both are readable on white and on black.
  if (kind === 'bare') return hex(220, 0.08, 0.4 + 0.25 * (i / Math.max(alike.length - 1, 1)));
  return hex(hue, 0.72, i % 2 === 0 ? 0.5 : 0.6);
}

/** Source: CSS Color Module Level 4, 7.1. */
function hex(hue: number, saturation: number, lightness: number): string {
  const part = (n: number) => {
    const k = (n + hue / 30) % 12;
    const value = lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}
