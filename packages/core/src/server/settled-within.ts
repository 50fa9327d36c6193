/** Waits for a promise, but no longer than `ms`. */
export async function settledWithin(promise: Promise<unknown> | undefined, ms: number): Promise<void> {
  if (promise === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.min(Math.max(0, ms), 2 ** 31 - 1));
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
