import { describe, expect, test } from 'vitest';
import { didYouMean, nearest } from './suggest.js';

describe('A slip of the pen', () => {
  test.each([
    ['smh', 'shm'],
    ['tiemout', 'timeout'],
    ['Timeout', 'timeout'],
    ['URI', 'url'],
    ['trasport', 'transport'],
  ])('%s is taken for %s.', (word, meant) => {
    expect(nearest(word, ['url', 'timeout', 'transport', 'shm', 'inproc'])).toBe(meant);
  });

  test('that swaps two letters is not taken for a shorter word.', () => {
    expect(nearest('smh', ['mq', 'shm', 'unix'])).toBe('shm');
  });

  test('is told as a question.', () => {
    expect(didYouMean('tiemout', ['url', 'timeout'])).toBe('; did you mean "timeout"?');
  });
});

test('Another word is taken for nothing.', () => {
  expect(nearest('mq', ['shm', 'unix'])).toBeUndefined();
  expect(nearest('tcp', ['shm', 'unix'])).toBeUndefined();
  expect(didYouMean('colour', ['url', 'timeout'])).toBe('');
});
