/** What a peer could send in place of a table of references. */
import { openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RpcError } from '../errors/index.js';
import type { Handle, Link } from '../transport/contract.js';
import { handleOf } from '../transport/index.js';
import { type BlockMemory, RingBlocks } from '../transport/ring/blocks.js';
import { segmentBytes } from '../transport/ring/layout.js';
import { Loans } from './loans.js';

const BLOCK = 65_536;

/** Memory of this process in place of shared memory: the receiving side sees what it is made to see. */
const memory: BlockMemory = {
  make: (bytes) => ({ block: { buffer: new ArrayBuffer(bytes), close: () => undefined }, handle: open() }),
  map: (_, bytes) => ({ buffer: new ArrayBuffer(bytes), close: () => undefined }),
};

function open(): Handle {
  return handleOf(openSync('/dev/null', 'r'));
}

interface Entry {
  readonly block?: number;
  readonly fresh?: boolean;
  readonly start?: number;
  readonly length?: number;
  readonly bytes?: number;
}

function table(entries: readonly Entry[], count = entries.length): Buffer {
  const bytes = Buffer.alloc(16 * entries.length + 16);
  entries.forEach(({ block = 0, fresh = false, start = 0, length = 10, bytes: all = BLOCK }, i) => {
    bytes.writeUInt32LE((block + (fresh ? 2 ** 31 : 0)) >>> 0, 16 * i);
    bytes.writeUInt32LE(start, 16 * i + 4);
    bytes.writeUInt32LE(length, 16 * i + 8);
    bytes.writeUInt32LE(all, 16 * i + 12);
  });
  bytes.writeUInt32LE(count, bytes.length - 8);
  return bytes;
}

function receiver(handles = 1) {
  const blocks = new RingBlocks(new Int32Array(segmentBytes(4096) / 4), 'acceptor', memory, BLOCK, 'the peer');
  blocks.arrived(Array.from({ length: handles }, open));
  const loans = new Loans({ blocks } as unknown as Link);
  const receive = (bytes: Buffer): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    try {
      loans.borrowing({ bytes, view, start: 0, end: bytes.length }, bytes.length, () => undefined);
    } finally {
      blocks.released();
    }
  };
  return { blocks, receive };
}

function problem(work: () => void): string {
  try {
    work();
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    expect([error.code, error.reason, error.failed]).toEqual(['DATA_LOSS', 'PROTOCOL_VIOLATION', 'channel']);
    return error.message;
  }
  return 'nothing was thrown';
}

test('A table that makes sense is taken, and the block it lends is known to the next message.', () => {
  const { receive } = receiver();
  receive(table([{ fresh: true }, { start: BLOCK - 10 }]));
  receive(table([{ start: 5, length: 0 }]));
});

const malformed = 'the peer broke the protocol: it sent a malformed table of references';
test.each<[string, Buffer, string]>([
  ['no room for a table', Buffer.alloc(8), malformed],
  ['a table of none', table([]), malformed],
  ['more references than there is room for', table([{ fresh: true }], 2), malformed],
  ['a count that is beyond all bounds', table([{ fresh: true }], 0xffffffff), malformed],
  ['a block that was never lent', table([{ block: 3 }]), 'the peer refers to block 3, which it never lent'],
  [
    'a block without its memory',
    table([{ fresh: true }, { block: 1, fresh: true }]),
    'the peer lends memory that it did not send along',
  ],
  [
    'a block with an impossible number',
    table([{ block: 64, fresh: true }]),
    'the peer lends block 64 anew, which is impossible, or lent already',
  ],
  [
    'what lies beyond the block',
    table([{ fresh: true, start: BLOCK - 9 }]),
    'the peer refers to 10 bytes at 65527 of a block of 65536',
  ],
  [
    'what lies far beyond',
    table([{ fresh: true, start: 0xffffffff, length: 0xffffffff }]),
    'the peer refers to 4294967295 bytes at 4294967295 of a block of 65536',
  ],
])('Disconnects a peer that sends %s.', (_, bytes, words) => {
  const { receive } = receiver();
  expect(problem(() => receive(bytes))).toBe(words);
});

test('Disconnects a peer that lends a block anew while it is on loan.', () => {
  const { blocks, receive } = receiver();
  blocks.admit(0, BLOCK);
  const bytes = blocks.borrow(0, 0, 10);
  blocks.arrived([open()]);
  expect(problem(() => receive(table([{ fresh: true }])))).toContain('lends block 0 anew');
  blocks.giveBack(bytes.buffer);
  blocks.arrived([open()]);
  receive(table([{ fresh: true }]));
});

test('Refuses references on a link that has no memory for them.', () => {
  const loans = new Loans({} as Link);
  const bytes = table([{ fresh: true }]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const receive = () => loans.borrowing({ bytes, view, start: 0, end: bytes.length }, bytes.length, () => undefined);
  expect(problem(receive)).toBe(malformed);
});
