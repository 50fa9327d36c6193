import { expect, it } from 'vitest';
import { RpcError } from '../../errors/index.js';
import { BYE, byeBytes, decodeBye, encodeBye, encodeGreeting, encodeRefusal, MAGIC, MAX_BYE_BYTES } from './layout.js';

const denied = new RpcError('PERMISSION_DENIED', 'uid 7 is not allowed', { reason: 'NOT_ALLOWED' });

it('says in a bye what an error says: its code, its reason and its words', () => {
  const bytes = encodeBye(denied);
  expect(byeBytes(bytes, 0)).toBe(bytes.length);
  const read = decodeBye(bytes, 0);
  expect(read).toMatchObject({
    code: 'PERMISSION_DENIED',
    reason: 'NOT_ALLOWED',
    message: 'uid 7 is not allowed',
    failed: 'channel',
  });
});

it('says nothing in the bye of an orderly end', () => {
  const bytes = encodeBye();
  expect(bytes.length).toBe(8);
  expect(decodeBye(bytes, 0)).toBeUndefined();
});

it('cuts words and reasons that are too long', () => {
  const bytes = encodeBye(new RpcError('INTERNAL', 'x'.repeat(100_000), { reason: 'R'.repeat(1000) }));
  expect(bytes.length).toBe(MAX_BYE_BYTES);
  expect(decodeBye(bytes, 0)?.message).toBe('x'.repeat(1000));
});

it('tells lengths that no bye has', () => {
  const bytes = encodeBye(denied);
  bytes.writeUInt16LE(1001, 6);
  expect(byeBytes(bytes, 0)).toBe(-1);
  bytes.writeUInt16LE(1, 6);
  bytes.writeUInt8(65, 5);
  expect(byeBytes(bytes, 0)).toBe(-1);
});

it('reads a status that this version does not know as UNKNOWN', () => {
  const bytes = encodeBye(denied);
  bytes.writeUInt8(200, 4);
  expect(decodeBye(bytes, 0)?.code).toBe('UNKNOWN');
});

it('keeps the bytes of greeting and refusal as they are documented', () => {
  expect(encodeGreeting(0x01020304).toString('hex')).toBe('ca475301' + '04030201');
  const refusal = encodeRefusal(denied);
  expect(refusal.subarray(0, 4).equals(MAGIC)).toBe(true);
  expect(refusal.readUInt32LE(4)).toBe(BYE);
  expect(refusal.subarray(4).equals(encodeBye(denied))).toBe(true);
});
