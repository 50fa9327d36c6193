/**
 * The spare words at the start of a segment (see ring/layout.ts), used by the in-process transport:
 *
 * ```
 *   word 4   rendezvous        0 asked, 1 accepted, 2 refused, 3 withdrawn
 *   word 8   doorbell of the connector      word 9   doorbell of the acceptor        0 silent, 1 rung
 *   word 10  the connector has hung up      word 11  the acceptor has hung up
 *   word 12  thread of the connector        word 13  thread of the acceptor
 *   word 14  why a connector was refused: number of bytes of the text (reason, NUL, message) at the start of ring 1's data
 *   word 15  why a connector was refused: the code
 * ```
 */
export const RENDEZVOUS = 4;
export const BELL = 8;
export const HUNG_UP = 10;
export const THREAD = 12;
export const REFUSAL_BYTES = 14;
export const REFUSAL_CODE = 15;

export const ASKED = 0;
export const ACCEPTED = 1;
export const REFUSED = 2;
export const WITHDRAWN = 3;

/** Index of an end's own word within each pair. */
export const CONNECTOR = 0;
export const ACCEPTOR = 1;
export type End = typeof CONNECTOR | typeof ACCEPTOR;
