import { describe, expect, it } from 'vitest';
import { ReceiveWindow, resolveWindowOptions, SendWindow } from './window.js';

describe('a window', () => {
  it('lets one message more go as long as any bytes are left, however large it is', () => {
    const window = new SendWindow({ bytes: 10, messages: 5 });
    window.spend(9);
    expect(window.open).toBe(true);
    window.spend(1_000_000);
    expect(window.open).toBe(false);
    expect(window.grant(2, 1_000_009)).toBe(true);
    expect(window.open).toBe(true);
  });

  it('closes when its messages are spent, though they were empty', () => {
    const window = new SendWindow({ bytes: 10, messages: 2 });
    window.spend(0);
    window.spend(0);
    expect(window.open).toBe(false);
    expect(window.grant(1, 0)).toBe(true);
    expect(window.open).toBe(true);
  });

  it('knows credit that was never spent', () => {
    expect(new SendWindow({ bytes: 10, messages: 2 }).grant(1, 0)).toBe(false);
    expect(new SendWindow({ bytes: 10, messages: 2 }).grant(0, 1)).toBe(false);
    expect(new SendWindow({ bytes: 2 ** 30, messages: 2 }).grant(0, 0xffff_ffff)).toBe(false);
  });

  it.each([
    { bytes: 1, messages: 1 },
    { bytes: 3, messages: 100 },
    { bytes: 1000, messages: 3 },
  ])('of $bytes bytes and $messages messages never comes to rest while its reader reads', (size) => {
    const sender = new SendWindow(size);
    const receiver = new ReceiveWindow(size);
    for (const bytes of [0, 1, 5, 2000, 0, 0, 0, 700, 1, 1, 1, 1000, 0, 999, 1]) {
      expect(sender.open).toBe(true);
      sender.spend(bytes);
      expect(receiver.take(bytes)).toBe(true);
      if (receiver.consume(bytes)) {
        expect(sender.grant(receiver.owedMessages, receiver.owedBytes)).toBe(true);
        receiver.granted();
      }
    }
  });

  it('is refused when it is none', () => {
    expect(() => resolveWindowOptions({ streamWindowBytes: 0 })).toThrow(
      'streamWindowBytes: expected a number from 1 to 1073741824, found 0',
    );
    expect(() => resolveWindowOptions({ streamWindowMessages: 1.5 })).toThrow('streamWindowMessages: expected');
  });
});
