import { ENVELOPE_BYTES, NO_DEADLINE, writeEnvelope } from '../channel/envelope.js';

/** A message as a peer that is played by hand sends it. */
export function rawEnvelope(
  kind: number,
  payload: string,
  more: { status?: number; callId?: number; methodId?: number; flags?: number; timeLeft?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + Buffer.byteLength(payload));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { status = 0, callId = 1, methodId = 0, flags = 0, timeLeft = NO_DEADLINE } = more;
  writeEnvelope(view, 0, kind, flags, status, bytes.length - ENVELOPE_BYTES, callId, methodId, timeLeft);
  bytes.write(payload, ENVELOPE_BYTES);
  return bytes;
}
