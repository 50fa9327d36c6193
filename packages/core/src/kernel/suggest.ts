import leven from 'leven';

/** The candidate that somebody who wrote `word` most likely meant, or undefined when none is near. Case does not matter. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  const lower = word.toLowerCase();
  for (const candidate of candidates) {
    const distance = leven(lower, candidate.toLowerCase());
    // Two slips at most, and never a word of which nothing is left: `mq` is not a slip of `tcp`.
    const near = distance <= 2 && distance < Math.max(word.length, candidate.length) * 0.7;
    // As near as another: letters that have changed places leave a word as long as it was.
    const rank = distance + Math.abs(word.length - candidate.length) / 10;
    if (near && rank < bestRank) {
      best = candidate;
      bestRank = rank;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const best = nearest(word, candidates);
  return best === undefined ? '' : `; did you mean "${best}"?`;
}
