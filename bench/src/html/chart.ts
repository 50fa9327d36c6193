/** A plot of the page: an option of ECharts as plain JSON, and the words around it. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One sentence on how to read it. */
  readonly reading: string;
  /** In CSS pixels. */
  readonly height: number;
  /** Those that have marks in it. */
  readonly subjects: readonly string[];
  /** Texts that begin with `@` name a function of `page/page.js`, which JSON cannot hold. */
  readonly option: { readonly [part: string]: unknown };
}

/** What all plots have in common: room for labels of any length, and a box of words where a pointer rests on a mark. */
export function optionOf(parts: { readonly [part: string]: unknown }, legend: boolean): Chart['option'] {
  return {
    backgroundColor: 'transparent',
    animation: false,
    grid: { left: 8, right: 24, top: legend ? 40 : 12, bottom: 8, containLabel: true },
    tooltip: { trigger: 'item', formatter: '@tip', confine: true },
    ...(legend && { legend: { type: 'scroll', top: 0, textStyle: { fontSize: 12 } } }),
    ...parts,
  };
}

export const axisFont = { fontSize: 12 } as const;

/** The powers of ten around some values, as the ends of a logarithmic axis. */
export function decades(values: readonly number[]): { readonly min: number; readonly max: number } {
  const known = values.filter((value) => value > 0);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return { min: 10 ** Math.floor(Math.log10(least)), max: 10 ** Math.ceil(Math.log10(most)) };
}

/** A text in HTML. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** What is told of a mark: its subject, and lines of words and values. */
export function tip(subject: string, about: string, lines: readonly (readonly [string, string])[]): string {
  const rows = lines.map(([what, value]) => `<br>${escaped(what)} <b>${escaped(value)}</b>`).join('');
  return `<b>${escaped(subject)}</b><br><small>${escaped(about)}</small>${rows}`;
}
