/**
 * What a client writes to the server's fifo to meet it, in one write(2), which is whole and in one piece however many
 * write (PIPE_BUF, pipe(7)). All integers little-endian.
 *
 *   0        1        2        3        4                20               24
 *   +--------+--------+--------+--------+------ … ------+--------+- … -+--------+
 *   |  0xCA  |  'G'   |  'K'   |version |  token        |   CRC-32 of 0 to 20   |
 *   +--------+--------+--------+--------+------ … ------+--------+- … -+--------+
 *
 * The token is random, and names the two fifos that the client has made beside the server's (`<path>.<token in hex>.up`
 * from client to server, `.down` from server to client). No path comes from the wire: the server opens nothing else. The
 * client has both open before it knocks, since the server removes their names once it has opened them, too.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const MAGIC = Buffer.from([0xca, 0x47, 0x4b, 1]);
const TOKEN_BYTES = 16;
const CRC_AT = MAGIC.length + TOKEN_BYTES;
export const KNOCK_BYTES = CRC_AT + 4;
const TOKEN = /^[0-9a-f]{32}$/;

/** A token, as hexadecimal digits. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('hex');
}

export function encodeKnock(token: string): Buffer {
  const knock = Buffer.alloc(KNOCK_BYTES);
  MAGIC.copy(knock);
  knock.write(token, MAGIC.length, 'hex');
  knock.writeUInt32LE(crc32(knock.subarray(0, CRC_AT)), CRC_AT);
  return knock;
}

/** So far it may become one, and is not whole yet. */
export const PART = null;

/** The token of the knock at `at`, of which `have` bytes have come; undefined when it is none. */
export function knockAt(bytes: Buffer, at: number, have: number): string | typeof PART | undefined {
  for (let i = 0; i < Math.min(have, MAGIC.length); i++) if (bytes[at + i] !== MAGIC[i]) return undefined;
  if (have < KNOCK_BYTES) return PART;
  const crcAt = at + CRC_AT;
  if (bytes.readUInt32LE(crcAt) !== crc32(bytes.subarray(at, crcAt))) return undefined;
  return bytes.toString('hex', at + MAGIC.length, crcAt);
}

/** The names of a client's two fifos. */
export function pairPaths(path: string, token: string): { readonly up: string; readonly down: string } {
  return { up: `${path}.${token}.up`, down: `${path}.${token}.down` };
}

/** The token in the name of a client's fifo beside the one named `name`; undefined for any other file. */
export function tokenOf(name: string, file: string): string | undefined {
  if (!file.startsWith(`${name}.`)) return undefined;
  const [token, end, more] = file.slice(name.length + 1).split('.');
  const isPair = more === undefined && (end === 'up' || end === 'down') && token !== undefined && TOKEN.test(token);
  return isPair ? token : undefined;
}

/**
 * Finds the knocks in what is read from the server's fifo, into which anybody who has the right may write anything: what
 * is no knock is skipped, byte by byte, until one begins again.
 */
export class KnockReader {
  readonly bytes = Buffer.alloc(KNOCK_BYTES);
  #have = 0;
  /** Of a stretch that is no knock, the first bytes; not yet told. */
  #strange: number[] = [];
  readonly #onStrange: (beginning: Buffer) => void;
  /** In a stretch that has been told. */
  #told = false;

  /** `onStrange` hears, once per stretch, of what is no knock. */
  constructor(onStrange: (beginning: Buffer) => void) {
    this.#onStrange = onStrange;
  }

  /** Where the next bytes go: never more than to the end of one knock, so that the fifo keeps the others. */
  get start(): number {
    return this.#have;
  }

  /** `count` bytes have been read into `bytes`. A token when a knock is complete. */
  take(count: number): string | undefined {
    this.#have += count;
    while (this.#have > 0) {
      const token = knockAt(this.bytes, 0, this.#have);
      if (token === PART) return undefined;
      if (token === undefined) {
        this.#skip();
        continue;
      }
      this.#have = 0;
      this.rest();
      this.#told = false;
      return token;
    }
    return undefined;
  }

  /** To be called when nothing more is there now: whatever strange has come is told. */
  rest(): void {
    if (this.#strange.length === 0) return;
    this.#onStrange(Buffer.from(this.#strange));
    this.#strange = [];
    this.#told = true;
  }

  #skip(): void {
    if (this.#strange.length < 8 && !this.#told) this.#strange.push(this.bytes[0]!);
    this.bytes.copyWithin(0, 1, this.#have);
    this.#have -= 1;
  }
}
