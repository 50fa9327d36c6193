import { expect, it, onTestFinished } from 'vitest';
import { freshTarget, rawClient, rawServer } from '../testing/pair.js';
import { Outbox } from './outbox.js';

/** An outbox over a link that has room. */
async function freshOutbox(): Promise<Outbox> {
  const target = freshTarget();
  const { listener } = await rawServer(target);
  const link = await rawClient(target);
  onTestFinished(async () => {
    link.abort();
    await listener.close();
  });
  return new Outbox(link);
}

it('sends what comes after a message that found room at once after all', async () => {
  const outbox = await freshOutbox();
  const sent: string[] = [];
  outbox.add({ bytes: 8, attempt: () => sent.push('lucky') > 0 });
  expect(outbox.length).toBe(0);
  expect(outbox.drained).toBeUndefined();
  let tries = 0;
  outbox.add({ bytes: 8, attempt: () => ++tries > 1 && sent.push('patient') > 0 });
  expect(outbox.length).toBe(1);
  await outbox.drained;
  expect(sent).toEqual(['lucky', 'patient']);
  expect(outbox.drained).toBeUndefined();
});

it('keeps the order, also of what is added while it sends', async () => {
  const outbox = await freshOutbox();
  const sent: number[] = [];
  let full = true;
  for (const number of [1, 2, 3]) {
    const attempt = (): boolean => {
      if (full) return false;
      if (number === 1) outbox.add({ bytes: 8, attempt: () => sent.push(4) > 0 });
      return sent.push(number) > 0;
    };
    outbox.add({ bytes: 8, attempt });
  }
  full = false;
  await outbox.drained;
  expect(sent).toEqual([1, 2, 3, 4]);
});

it('forgets what is taken out while it waits for room, and goes on with the rest', async () => {
  const outbox = await freshOutbox();
  const sent: string[] = [];
  let full = true;
  const message = (name: string) => ({ bytes: 8, attempt: () => !full && sent.push(name) > 0 });
  const [first, second, third] = [message('first'), message('second'), message('third')];
  for (const each of [first, second, third]) outbox.add(each);
  outbox.remove(first);
  outbox.remove(second);
  outbox.remove(third);
  expect(outbox.drained).toBeUndefined();
  outbox.add(third);
  full = false;
  await outbox.drained;
  expect(sent).toEqual(['third']);
});
