import { describe, expect, it } from 'vitest';
import type { MessageType } from '../codec/contract.js';
import { loadProtos } from '../codec/load/index.js';
import { VALUE_TYPES, type ValueType } from '../transport/notification.js';
import { LONGEST_PAYLOAD, valueIn, writeValue } from './notification-payload.js';

const HIGHEST_FIELD = 536_870_911;

const proto = `
  syntax = "proto3";
  package bits;
  enum Colour { NONE = 0; RED = 1; DEEP = -2; }
  ${VALUE_TYPES.map((type) => `message Of_${type} { ${type === 'enum' ? 'Colour' : type} value = ${HIGHEST_FIELD}; }`).join('\n')}
`;
const protos = loadProtos({ sources: { 'bits.proto': proto } });

const numbers: Readonly<Record<ValueType, readonly (number | boolean)[]>> = {
  uint32: [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1],
  int32: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), -300],
  sint32: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), -300],
  fixed32: [0, 1, 2 ** 32 - 1],
  sfixed32: [0, -1, 2 ** 31 - 1, -(2 ** 31)],
  bool: [false, true],
  enum: [0, 1, -2],
  float: [0, 1.5, -0.25, Number.POSITIVE_INFINITY],
};

/** The 32 bits that a program in another language would send for a number. */
function bitsOf(type: ValueType, value: number | boolean): number {
  if (type !== 'float') return Number(value) >>> 0;
  return new Uint32Array(Float32Array.of(Number(value)).buffer)[0] ?? 0;
}

describe('A value of 32 bits', () => {
  for (const type of VALUE_TYPES) {
    it(`of type ${type} is taken out of a message and put back into one`, () => {
      const codec = protos.message(`bits.Of_${type}`) as MessageType<{ value: number | boolean }>;
      for (const value of numbers[type]) {
        const bytes = Buffer.alloc(codec.size({ value }));
        const end = codec.encode({ value }, bytes, 0);
        const bits = valueIn(type, bytes, 0, end);
        expect(bits, `${value}`).toBe(bitsOf(type, value));
        const back = Buffer.alloc(LONGEST_PAYLOAD + 1, 0xee);
        const backEnd = writeValue(type, HIGHEST_FIELD, bits ?? 0, back, 0);
        expect(back[LONGEST_PAYLOAD]).toBe(0xee);
        expect(codec.decode(back, 0, backEnd).value).toBe(value);
      }
    });
  }

  it('is not found in bytes that are no message with such a field alone', () => {
    const read = (type: ValueType | undefined, ...bytes: number[]) =>
      valueIn(type, Buffer.from(bytes), 0, bytes.length);
    expect(read('uint32')).toBe(0);
    expect(read(undefined)).toBe(0);
    expect(read(undefined, 8, 1)).toBe(undefined);
    expect(read('uint32', 8)).toBe(undefined);
    expect(read('uint32', 8, 0x80)).toBe(undefined);
    expect(read('uint32', 8, 1, 8, 2)).toBe(undefined);
    expect(read('uint32', 13, 1, 0, 0, 0)).toBe(undefined);
    expect(read('fixed32', 13, 1, 0, 0)).toBe(undefined);
    expect(read('fixed32', 8, 1)).toBe(undefined);
    expect(read('uint32', ...Buffer.from('{"value":1}'))).toBe(undefined);
  });
});
