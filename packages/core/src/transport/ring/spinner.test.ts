import { describe, expect, it } from 'vitest';
import { Spinner } from './spinner.js';

describe('a thread that polls on the processor of its peer', () => {
  it('sleeps the first time, and leaves when it is in the way again', () => {
    const spinner = new Spinner('adaptive', 2);
    expect(spinner.shouldLeave(10)).toBe(false);
    expect(spinner.shouldLeave(10.1)).toBe(true);
  });

  it('stays where it is when polling succeeds in between', () => {
    const spinner = new Spinner('adaptive', 2);
    for (let now = 10; now < 20; now++) {
      expect(spinner.shouldLeave(now)).toBe(false);
      spinner.metWhilePolling();
    }
  });

  it('leaves ever more rarely while that does not help, at least once a second', () => {
    const spinner = new Spinner('adaptive', 2);
    const moves: number[] = [];
    for (let now = 0; now < 10_000; now += 0.125) if (spinner.shouldLeave(now)) moves.push(now);
    const stays = moves.slice(1).map((at, i) => at - moves[i]!);
    expect(stays.slice(0, 3)).toEqual([0.5, 2, 8]);
    expect(stays.slice(-3).every((stay) => stay >= 1000 && stay <= 1001)).toBe(true);
  });

  it('leaves soon again after a time in which it was in nobody’s way', () => {
    const spinner = new Spinner('adaptive', 2);
    for (let now = 0; now < 3000; now += 0.125) spinner.shouldLeave(now);
    const later = 20_000;
    spinner.metWhilePolling();
    spinner.shouldLeave(later);
    expect(spinner.shouldLeave(later + 0.1)).toBe(true);
    spinner.shouldLeave(later + 1);
    expect(spinner.shouldLeave(later + 1.1)).toBe(true);
  });
});
