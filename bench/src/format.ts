import { styleText } from 'node:util';

/** A number with three significant digits and thousands apart: `0.613`, `12.4`, `1,234,567`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

/** A duration given in microseconds, in the unit that reads best. */
export function duration(us: number): string {
  if (us < 1) return `${figure(us * 1000)} ns`;
  return us < 1000 ? `${figure(us)} µs` : `${figure(us / 1000)} ms`;
}

/** The middle of some numbers, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

type Style = Parameters<typeof styleText>[0];

/** Colours for a person at a terminal; plain text for a file, a pipe, or who sets NO_COLOR. */
export function styled(style: Style, text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? styleText(style, text) : text;
}
