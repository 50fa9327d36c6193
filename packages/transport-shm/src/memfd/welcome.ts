import { Reason, RpcError } from '@callgate/core/errors';

/**
 * The one message that is said at the rendezvous, by the accepting side, at once. With it travels one descriptor, the
 * memfd. Every byte that follows, from either side, is a ring of the other's doorbell. Little-endian.
 *
 * ```
 *   0   u32  magic 0x48534743 ('CGSH')
 *   4   u16  version of this layout
 *   6   u16  status: 0, or why the peer is refused (a gRPC code; no descriptor then)
 *   8   u32  bytes of each way
 *   12  u32  length of the text that follows
 *   16  text why the peer is refused, UTF-8
 * ```
 */
export const WELCOME_BYTES = 16;
export const LONGEST_WELCOME = WELCOME_BYTES + 1024;
const MAGIC = 0x48534743;
const VERSION = 1;

export const WELCOME_FDS = 1;

export interface Welcome {
  readonly status: number;
  readonly wayBytes: number;
  readonly textBytes: number;
}

export function encodeWelcome(wayBytes: number): Buffer {
  return encode(0, wayBytes, Buffer.alloc(0));
}

export function encodeRefusal(error: RpcError): Buffer {
  return encode(error.status, 0, Buffer.from(error.message).subarray(0, LONGEST_WELCOME - WELCOME_BYTES));
}

function encode(status: number, wayBytes: number, text: Buffer): Buffer {
  const bytes = Buffer.alloc(WELCOME_BYTES + text.length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(status, 6);
  bytes.writeUInt32LE(wayBytes, 8);
  bytes.writeUInt32LE(text.length, 12);
  bytes.set(text, WELCOME_BYTES);
  return bytes;
}

/** Reads the fixed part. `doing` begins the words of what is thrown: DATA_LOSS, or FAILED_PRECONDITION for another version. */
export function decodeWelcome(bytes: Buffer, doing: string): Welcome {
  if (bytes.readUInt32LE(0) !== MAGIC) {
    throw violation(doing, 'what answers there is no shm: server (its magic number is wrong)');
  }
  const version = bytes.readUInt16LE(4);
  if (version !== VERSION) {
    const words = `the server there speaks version ${version} of the shm: rendezvous, this side version ${VERSION}`;
    throw new RpcError('FAILED_PRECONDITION', `${doing}: ${words}`, {
      reason: Reason.VERSION_MISMATCH,
      failed: 'channel',
    });
  }
  const welcome = {
    status: bytes.readUInt16LE(6),
    wayBytes: bytes.readUInt32LE(8),
    textBytes: bytes.readUInt32LE(12),
  };
  if (welcome.textBytes > LONGEST_WELCOME - WELCOME_BYTES) {
    throw violation(doing, 'the server there sent a refusal that is too long');
  }
  return welcome;
}

function violation(doing: string, words: string): RpcError {
  return new RpcError('DATA_LOSS', `${doing}: ${words}`, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
}
