import { describe, expect, it } from 'vitest';
import type { RpcError } from '../errors/index.js';
import { addUnchecked, Metadata, type MetadataInit, reservedOf } from './metadata.js';
import { decodeMetadata, encodeMetadata } from './metadata-block.js';

function wordsOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'BAD_METADATA' });
    return (error as RpcError).message;
  }
  throw new Error('nothing was thrown');
}

describe('metadata', () => {
  it('is made of an object, of pairs, or of other metadata, and keeps several values of a key in order', () => {
    const made = new Metadata({ user: 'Ada', tag: ['a', 'b'], 'key-bin': Uint8Array.of(1, 2) });
    expect([...made]).toEqual([
      ['user', 'Ada'],
      ['tag', 'a'],
      ['tag', 'b'],
      ['key-bin', Uint8Array.of(1, 2)],
    ]);
    expect([...new Metadata(made)]).toEqual([...made]);
    expect([...new Metadata(new Map([['user', 'Ada']]))]).toEqual([['user', 'Ada']]);
    expect(made.size).toBe(4);
  });

  it('gives the first value, or all; sets, appends and deletes', () => {
    const metadata = new Metadata().append('tag', 'a').append('tag', 'b');
    expect(metadata.get('tag')).toBe('a');
    expect(metadata.getAll('tag')).toEqual(['a', 'b']);
    expect(metadata.set('tag', 'c').getAll('tag')).toEqual(['c']);
    expect(metadata.has('tag')).toBe(true);
    expect(metadata.delete('tag')).toBe(true);
    expect(metadata.delete('tag')).toBe(false);
    expect(metadata.get('tag')).toBeUndefined();
  });

  it('types a value by its key: bytes where it ends in -bin, text elsewhere', () => {
    const metadata = new Metadata({ 'key-bin': Uint8Array.of(7) });
    const bytes: Uint8Array | undefined = metadata.get('key-bin');
    const text: string | undefined = metadata.get('key');
    const either: string | Uint8Array | undefined = metadata.get('key-bin' as string);
    expect([bytes, text, either]).toEqual([Uint8Array.of(7), undefined, Uint8Array.of(7)]);
    // @ts-expect-error: text under a key for bytes
    expect(() => metadata.set('key-bin', 'text')).toThrow('keys that end in -bin hold bytes, found string');
  });

  it('shows itself in logs with bytes told by their length', () => {
    const metadata = new Metadata({ user: 'Ada', tag: ['a', 'b'], 'key-bin': Uint8Array.of(1, 2) });
    expect(JSON.stringify(metadata)).toBe('{"user":"Ada","tag":["a","b"],"key-bin":"<2 bytes>"}');
  });

  it.each<[string, MetadataInit, string]>([
    [
      'an upper-case key',
      { 'X-Id': '1' },
      'metadata: key "X-Id": expected lower-case letters, digits, - _ and . only, a letter or digit first: write "x-id"',
    ],
    ['__proto__', JSON.parse('{"__proto__":"x"}'), 'metadata: key "__proto__": expected lower-case letters'],
    ['an empty key', { '': 'x' }, 'metadata: a key is empty'],
    ['a key with a space', { 'a b': 'x' }, 'metadata: key "a b": expected lower-case letters'],
    ['a key of another alphabet', { größe: 'x' }, 'metadata: key "größe": expected lower-case letters'],
    [
      'a key that is too long',
      { ['k'.repeat(256)]: 'x' },
      'metadata: a key has 256 characters, at most 255 are permitted',
    ],
    [
      'a reserved key',
      { 'callgate-x': 'x' },
      'metadata: key "callgate-x": keys that begin with callgate- are reserved',
    ],
    [
      'bytes without -bin',
      { key: Uint8Array.of(1) },
      'metadata: key "key": keys that hold bytes end in -bin: write "key-bin"',
    ],
    ['a number', { key: 5 as never }, 'metadata: key "key": expected text, found number'],
    ['nothing', { key: null as never }, 'metadata: key "key": expected text, found null'],
    [
      'a line break',
      { key: 'a\nb' },
      'metadata: key "key": its text has the control character U+000A at 1; send it under a key that ends in -bin',
    ],
    ['half a character', { key: '\ud800' }, 'metadata: key "key": its text has half of a surrogate pair'],
    ['no object', 5 as never, 'metadata: expected Metadata or an object of keys and values, found number'],
  ])('refuses %s in words', (_name, init, words) => {
    expect(wordsOf(() => new Metadata(init))).toContain(words);
  });

  it('refuses to look for what can not be there', () => {
    expect(wordsOf(() => new Metadata().get('X-Id'))).toContain('write "x-id"');
  });

  it('does not show what is reserved', () => {
    const metadata = new Metadata({ user: 'Ada' });
    addUnchecked(metadata, 'callgate-chain', 'secret');
    expect(metadata.get('callgate-chain')).toBeUndefined();
    expect(metadata.has('callgate-chain')).toBe(false);
    expect([...metadata]).toEqual([['user', 'Ada']]);
    expect([...new Metadata(metadata)]).toEqual([['user', 'Ada']]);
    expect(JSON.stringify(metadata)).toBe('{"user":"Ada"}');
    expect(reservedOf(metadata, 'callgate-chain')).toEqual(['secret']);
  });
});

describe('a block of metadata', () => {
  it('comes back as it was, headers and trailers apart, what is reserved too', () => {
    const headers = new Metadata({ user: 'Ada Lovelace', ort: 'Zürich ☂', empty: '', tag: ['a', 'b'] });
    addUnchecked(headers, 'callgate-chain', 'x');
    const trailers = new Metadata({ 'sum-bin': Uint8Array.of(0, 255), 'none-bin': new Uint8Array(0) });
    const block = encodeMetadata(headers, trailers);
    const around = Buffer.concat([Buffer.from('before'), block as Buffer, Buffer.from('after')]);
    const parts = decodeMetadata(around, 6, 6 + (block as Buffer).length, 'test:');
    expect([...parts.headers]).toEqual([...headers]);
    expect([...parts.trailers]).toEqual([...trailers]);
    expect(reservedOf(parts.headers, 'callgate-chain')).toEqual(['x']);
    expect(encodeMetadata(new Metadata(), new Metadata())).toBeUndefined();
  });

  function entry(part: number, key: string | Buffer, value: string | Buffer): Buffer {
    const [keyBytes, valueBytes] = [Buffer.from(key), Buffer.from(value)];
    const head = Buffer.alloc(6);
    head.writeUInt8(part, 0);
    head.writeUInt8(keyBytes.length, 1);
    head.writeUInt32LE(valueBytes.length, 2);
    return Buffer.concat([head, keyBytes, valueBytes]);
  }

  it.each<[string, Buffer, string]>([
    ['less than the head of an entry', Buffer.alloc(5), 'an entry is cut off (at byte 0)'],
    [
      'rest after the last entry',
      Buffer.concat([entry(0, 'a', 'b'), Buffer.alloc(2)]),
      'an entry is cut off (at byte 8)',
    ],
    ['a value longer than the block', entry(0, 'a', 'bcd').subarray(0, 9), 'an entry is longer than the block'],
    ['a length past all bounds', Buffer.from([0, 1, 255, 255, 255, 255, 97]), 'an entry is longer than the block'],
    ['an unknown part', entry(2, 'a', 'b'), 'an entry is neither a header nor a trailer, but 2'],
    ['an upper-case key', entry(0, 'A', 'b'), 'key "A": expected lower-case letters'],
    ['__proto__', entry(1, '__proto__', 'b'), 'key "__proto__": expected lower-case letters'],
    ['an empty key', entry(0, '', 'b'), 'a key is empty'],
    ['a key of any bytes', entry(0, Buffer.from([0xff, 0x00]), 'b'), 'expected lower-case letters'],
    ['text that is not UTF-8', entry(0, 'a', Buffer.from([0xc3, 0x28])), 'the text of key "a" is not UTF-8'],
    [
      'text with control characters',
      entry(0, 'a', 'b\u0000'),
      'key "a": its text has the control character U+0000 at 1',
    ],
  ])('with %s breaks the protocol', (_name, block, words) => {
    let thrown: unknown;
    try {
      decodeMetadata(block, 0, block.length, 'test:peer');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION', failed: 'channel' });
    expect((thrown as RpcError).message).toContain(
      "the peer at test:peer broke the protocol: it sent metadata that can't be read: ",
    );
    expect((thrown as RpcError).message).toContain(words);
  });

  it('of any bytes either is read or refused as a broken protocol', () => {
    let seed = 1;
    const next = () => (seed = (seed * 48_271) % 0x7fff_ffff);
    const valid = encodeMetadata(new Metadata({ user: 'Ada', 'key-bin': Uint8Array.of(1, 2, 3) })) as Buffer;
    for (let i = 0; i < 5000; i++) {
      const block =
        i % 2 === 0 ? Buffer.from(valid) : Buffer.from(Array.from({ length: next() % 40 }, () => next() & 255));
      if (i % 2 === 0) block[next() % block.length] = next() & 255;
      try {
        decodeMetadata(block, 0, block.length, 'test:');
      } catch (error) {
        expect(error).toMatchObject({ reason: 'PROTOCOL_VIOLATION' });
      }
    }
  });
});
