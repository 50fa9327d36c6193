/** Whether the other side's certificate holds, and what went wrong, in words that both sides understand. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { fromErrno, Reason, RpcError, type RpcErrorOptions } from '@callgate/core/errors';
import type { PeerCertificate } from '@callgate/core/transport';

/** OpenSSL's verdicts. Source: X509_STORE_CTX_get_error(3). */
const verdicts: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed, and itself not among the authorities in `ca`',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not among those in `ca`',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not among those in `ca`',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not among those in `ca`',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not among those in `ca`',
  INVALID_PURPOSE: 'it is not meant for this side of a connection (extendedKeyUsage)',
};

/** What the other side has shown: its certificate if that holds, or what is wrong with it. */
export interface Verdict {
  readonly certificate?: PeerCertificate;
  readonly problem?: RpcError;
}

/** `who` is the other side, `asks` what wants a certificate of it. To be called once, before anything is received. */
export function judge(socket: TLSSocket, who: string, asks: string): Verdict {
  // Node.js gives it once only.
  const shown = socket.getPeerX509Certificate();
  // Asked for first: where a session is taken up again, Node.js takes who showed none for authorized.
  if (shown === undefined) {
    const problem = `${who} showed no certificate, and ${asks} asks for one: set the options cert and key there`;
    return { problem: badCertificate(problem) };
  }
  if (!socket.authorized) {
    const why = wordsFor(String((socket.authorizationError as unknown) ?? 'it was not verified'), shown);
    return { problem: badCertificate(`the certificate of ${who} (${inLine(shown.subject)}) is refused: ${why}`) };
  }
  const certificate = Object.freeze({
    subject: inLine(shown.subject),
    issuer: inLine(shown.issuer),
    names: shown.subjectAltName ?? '',
    fingerprint256: shown.fingerprint256,
  });
  return { certificate };
}

function inLine(name: string): string {
  return name.split('\n').join(', ');
}

function wordsFor(verdict: string, { validTo, subjectAltName, issuer }: X509Certificate): string {
  if (verdict === 'CERT_HAS_EXPIRED') return `it has expired, on ${validTo}`;
  if (verdict === 'ERR_TLS_CERT_ALTNAME_INVALID') return `it is for another host: ${subjectAltName ?? 'it names none'}`;
  const words = verdicts[verdict];
  if (words === undefined) return verdict;
  return words.includes('its authority') ? `${words} (it was issued by ${inLine(issuer)})` : words;
}

function badCertificate(message: string, cause?: unknown): RpcError {
  return new RpcError('UNAUTHENTICATED', message, { reason: Reason.BAD_CERTIFICATE, failed: 'channel', cause });
}

const clearText: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_UNKNOWN_PROTOCOL',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_BAD_RECORD_TYPE',
]);
const otherVersion = /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW|NO_SHARED_CIPHER|ALERT_HANDSHAKE_FAILURE/;
const refused = /ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;
const cut: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING']);

/** The error for a connection on which TLS has failed. `who` is the other side. */
export function tlsFailure(error: unknown, who: string): RpcError {
  if (RpcError.is(error)) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  const options: RpcErrorOptions = { failed: 'channel', cause: error };
  if (clearText.has(code)) {
    const message = `${who} does not speak TLS: it sent something else, clear text perhaps (is it a tcp: address?)`;
    return new RpcError('DATA_LOSS', message, { ...options, reason: Reason.PROTOCOL_VIOLATION });
  }
  if (otherVersion.test(code)) {
    const message = `${who} and this side have no version and ciphers of TLS in common, of 1.2 or later (${code})`;
    return new RpcError('FAILED_PRECONDITION', message, { ...options, reason: Reason.VERSION_MISMATCH });
  }
  if (refused.test(code)) {
    return badCertificate(
      `${who} refused this side: by its certificate (options cert and key), or for want of one (${code})`,
      error,
    );
  }
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') {
    const message = `${who} did not finish the TLS handshake in time`;
    return new RpcError('DEADLINE_EXCEEDED', message, { ...options, reason: Reason.DEADLINE });
  }
  if (cut.has(code)) {
    const message = `${who} ended the connection during the TLS handshake`;
    return new RpcError('UNAVAILABLE', message, { ...options, reason: Reason.PEER_DIED });
  }
  return fromErrno(error, `TLS with ${who} failed`);
}
