import type { Span } from '@callgate/core/transport';

/** A span whose ends move within memory of its own. */
export interface MutableSpan extends Span {
  start: number;
  end: number;
}

export function memory(bytes: number): MutableSpan {
  const buffer = Buffer.alloc(bytes);
  return { bytes: buffer, view: new DataView(buffer.buffer, buffer.byteOffset, bytes), start: 0, end: 0 };
}
