import { afterAll, describe, expect, it } from 'vitest';
import { testNotifications } from './index.js';
import type { NotificationTest } from './notifications/options.js';
import { collectCases } from './self/collect.js';
import { type NotificationFault, referenceCapabilities } from './self/notifications.js';

function test(fault?: NotificationFault): Omit<NotificationTest, 'runner'> {
  const url = new URL('./self/notifications.js', import.meta.url);
  if (fault !== undefined) url.searchParams.set('fault', fault);
  return {
    name: 'note:',
    transport: { url, name: 'transport' },
    address: (_, n) => `note:${n}`,
    capabilities: { ...referenceCapabilities },
    merging: { merging: true },
    patienceMs: 300,
  };
}

testNotifications({ runner: { describe, it, afterAll }, ...test() });

/** Each fault, and the promise that it breaks. */
const broken: readonly (readonly [NotificationFault, RegExp])[] = [
  ['loses a value', /with its value, all 32 bits/],
  ['reorders', /keeps notifications that wait, in order/],
  ['doubles', /keeps notifications that wait, in order/],
  ['merges what has a value', /keeps equal notifications apart/],
  ['never merges', /merges equal notifications/],
  ['drops what merges', /merges equal notifications/],
  ['takes any place', /refuses what is no notification/],
  ['sends the wrong way', /refuses to send from the receiving end/],
  ['ignores hold', /receives nothing while on hold/],
  ['forgets what was held', /receives nothing while on hold/],
  ['takes sent for taken', /waitTaken says no/],
  ['hides who sent', /says who sent/],
  ['sends to nobody', /a sender learns with its next message/],
  ['ends all with one sender', /what was sent before its sender closed is received/],
  ['shares its address', /refuses to listen where somebody listens/],
  ['keeps its address', /lets nobody connect any more/],
  ['claims more than it can', /states the capabilities/],
  ['listens for nothing', /refuses to listen for nothing/],
];

describe('the conformance suite of notifications', () => {
  for (const [fault, promise] of broken) {
    it(`fails a transport that ${fault}`, async () => {
      const run = (tested: Omit<NotificationTest, 'runner'>) =>
        collectCases((runner) => testNotifications({ ...tested, runner }), promise);
      const right = await run(test());
      expect(right.length, 'the case exists').toBe(1);
      expect(right.filter(({ error }) => error !== undefined)).toEqual([]);
      expect((await run(test(fault))).filter(({ error }) => error === undefined)).toEqual([]);
    });
  }

  it('refuses to judge what promises more', () => {
    const runner = { describe, it, afterAll };
    const exact = { ...referenceCapabilities, delivery: 'exact' as const };
    expect(() => testNotifications({ ...test(), runner, capabilities: exact })).toThrow('judges "coalesced" only');
  });
});
