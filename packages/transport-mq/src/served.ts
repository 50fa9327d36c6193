/** The mailboxes that this thread serves, by roster, with the boxes of its endpoints. */
const served = new Map<string, Set<number>>();

export const servedHere = {
  /** Gives how to take it out again. */
  add(roster: string, box: number): () => void {
    const boxes = served.get(roster) ?? new Set();
    served.set(roster, boxes.add(box));
    return () => boxes.delete(box);
  },
  has(roster: string, box: number): boolean {
    return served.get(roster)?.has(box) ?? false;
  },
};
