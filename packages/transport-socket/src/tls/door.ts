import type { Socket } from 'node:net';
import { Reason, RpcError } from '@callgate/core/errors';
import { refuseStream } from '@callgate/core/transport';
import { NodeStream } from '../node-stream.js';
import { callerOf } from '../tcp/node-listen.js';

/** The first byte of whoever speaks TLS: a record of the handshake. Source: RFC 8446, 5.1. */
const HANDSHAKE = 0x16;

export interface DoorHooks {
  /** The socket has all its bytes still, and belongs to whoever gets it. */
  onTls(socket: Socket): void;
  onError(error: RpcError): void;
}

export interface Door {
  /** Takes an accepted connection. */
  meet(this: void, socket: Socket): void;
  /** Drops those that have said nothing yet. */
  close(): void;
}

/**
 * Looks at the first byte of each connection. Who does not speak TLS is told so in clear text, as a `tcp:` client
 * understands it: OpenSSL would hang up without a word.
 */
export function createDoor(url: string, patienceMs: number, { onTls, onError }: DoorHooks): Door {
  /** How to leave each that has said nothing yet. */
  const waiting = new Map<Socket, () => void>();
  return {
    meet(socket) {
      const who = `the client at ${callerOf(socket, url, 'tls')}`;
      const leave = (): void => {
        waiting.delete(socket);
        clearTimeout(timer);
        socket.removeListener('readable', look).removeListener('error', gone).removeListener('end', gone);
      };
      const gone = (): void => {
        leave();
        // Whatever goes wrong later has been told.
        socket.on('error', () => undefined).destroy();
        onError(
          new RpcError('UNAVAILABLE', `${who} ended the connection before the TLS handshake`, {
            reason: Reason.PEER_DIED,
            failed: 'channel',
          }),
        );
      };
      const look = (): void => {
        const bytes = socket.read() as Buffer | null;
        if (bytes === null) return;
        leave();
        socket.unshift(bytes);
        if (bytes[0] === HANDSHAKE) {
          onTls(socket);
          return;
        }
        const refusal = clearText(`${who} does not speak TLS, which the server at ${url} asks for: use a tls: address`);
        refuseStream(new NodeStream(socket, { address: url }, true), refusal);
        onError(refusal);
      };
      const late = (): void => {
        leave();
        socket.on('error', () => undefined).destroy();
        onError(
          new RpcError('DEADLINE_EXCEEDED', `${who} did not begin the TLS handshake in time`, {
            reason: Reason.DEADLINE,
            failed: 'channel',
          }),
        );
      };
      const timer = setTimeout(late, patienceMs).unref();
      waiting.set(socket, leave);
      socket.on('readable', look).on('error', gone).on('end', gone).unref();
    },
    close() {
      for (const [socket, leave] of [...waiting]) {
        leave();
        socket.on('error', () => undefined).destroy();
      }
    },
  };
}

function clearText(message: string): RpcError {
  return new RpcError('DATA_LOSS', message, { reason: Reason.PROTOCOL_VIOLATION, failed: 'channel' });
}
