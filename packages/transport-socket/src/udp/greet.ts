import { randomBytes } from 'node:crypto';
import { fromErrno, Reason, RpcError } from '@callgate/core/errors';
import type { Address, ByteStream, Deadline } from '@callgate/core/transport';
import { isUnreachable } from './ends.js';
import {
  GREETING_BYTES,
  Kind,
  kindOf,
  linkIdOf,
  OTHER_VERSION,
  Refusal,
  readGreeting,
  VERSION,
  writeGreeting,
} from './layout.js';
import { UdpLink } from './link.js';
import type { ResolvedUdpOptions } from './options.js';
import { connectFailure } from './place.js';

/** Milliseconds before an unanswered greeting is sent again; twice as long each time, up to the second. */
const FIRST_MS = 20;
const MOST_MS = 1000;

/**
 * The client's side of the greeting, the same in both modes: yields the instant until which to wait for something to
 * read, and is told whether something came. Owns the socket until it gives a link.
 */
export function* greet(
  socket: ByteStream,
  address: Address,
  options: ResolvedUdpOptions,
  deadline: Deadline,
): Generator<Deadline, UdpLink, boolean> {
  const id = randomBytes(8).readBigUInt64LE();
  const { maxMessageBytes } = options;
  let say = writeGreeting({ kind: Kind.HELLO, id, maxMessageBytes });
  const heard = Buffer.alloc(GREETING_BYTES + 1);
  try {
    for (let waitMs = FIRST_MS; ; waitMs = Math.min(2 * waitMs, MOST_MS)) {
      attempt(options, address, () => socket.tryWrite(say, 0, GREETING_BYTES));
      const until = Math.min(deadline, performance.now() + waitMs);
      while (yield until) {
        let length = -1;
        attempt(options, address, () => {
          length = socket.tryRead(heard, 0, heard.length);
        });
        if (length < 0) continue;
        const kind = kindOf(heard, length);
        if (kind === OTHER_VERSION) throw otherVersion(address, heard[2]!);
        if (kind < Kind.HELLO || linkIdOf(heard) !== id) continue;
        if (kind === Kind.REFUSED) throw refused(address, readGreeting(heard).word);
        if (kind === Kind.RESET) throw restarted(address);
        if (kind === Kind.WELCOME) {
          const { word, token } = readGreeting(heard);
          say = writeGreeting({ kind: Kind.OPEN, id, word, token, maxMessageBytes });
          waitMs = FIRST_MS / 2;
          break;
        }
        if (kind !== Kind.OPENED) continue;
        const server = readGreeting(heard);
        return new UdpLink(socket, id, {
          maxMessageBytes: Math.min(maxMessageBytes, server.maxMessageBytes),
          whileUnreachable: options.whileUnreachable,
          idleMs: Math.max(server.idleMs, 1000),
          side: 'client',
        });
      }
      if (performance.now() >= deadline) throw unanswered(address);
    }
  } catch (error) {
    socket.abort();
    throw error;
  }
}

/** An error that says that nobody is there counts as silence, where that is asked for. */
function attempt(options: ResolvedUdpOptions, address: Address, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isUnreachable(error)) throw fromErrno(error, `cannot connect to ${address.url}`);
    if (options.whileUnreachable === 'fail') throw connectFailure(error, address);
  }
}

function unanswered(address: Address): RpcError {
  const words = `cannot connect to ${address.url}: no answer before the deadline passed (a datagram may be lost on its way, or nobody may listen there)`;
  return new RpcError('DEADLINE_EXCEEDED', words, { reason: Reason.DEADLINE, failed: 'channel' });
}

function otherVersion(address: Address, version: number): RpcError {
  const words = `${address.url} speaks version ${version} of the udp: greeting, this side speaks version ${VERSION}`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.VERSION_MISMATCH, failed: 'channel' });
}

function restarted(address: Address): RpcError {
  const words = `cannot connect to ${address.url}: the server has restarted during the greeting`;
  return new RpcError('UNAVAILABLE', words, { reason: Reason.UNREACHABLE, failed: 'channel' });
}

function refused(address: Address, why: number): RpcError {
  if (why === Refusal.TOO_MANY) {
    const words = `${address.url} has as many clients as it takes (maxLinks)`;
    return new RpcError('RESOURCE_EXHAUSTED', words, { reason: Reason.OVERLOADED, failed: 'channel' });
  }
  const words = `${address.url} does not speak version ${VERSION} of the udp: greeting`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.VERSION_MISMATCH, failed: 'channel' });
}
