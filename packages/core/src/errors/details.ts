/** A message that tells more of an error, as it travels: made by `detail`, read by `error.detailsOf`. */
export interface ErrorDetail {
  /** Full protobuf name, such as `geo.City`. */
  readonly typeName: string;
  /** The message, encoded. */
  readonly bytes: Uint8Array;
}

/** What an error needs of a message type; those of services are all like that. */
export interface DetailType<Init = never, T = unknown> {
  readonly typeName: string;
  size(message: Init): number;
  encode(message: Init, bytes: Buffer, start: number): number;
  decode(bytes: Buffer, start: number, end: number): T;
}

/** A detail for `RpcErrorOptions.details`. Throws INVALID_ARGUMENT (UNENCODABLE) for a message that is none of the type. */
export function detail<Init>(type: DetailType<Init>, message: Init): ErrorDetail {
  const bytes = Buffer.allocUnsafe(type.size(message));
  type.encode(message, bytes, 0);
  return { typeName: type.typeName, bytes };
}

/** Those of the details that are of a type, decoded. Throws INVALID_ARGUMENT (UNDECODABLE). */
export function detailsOf<T>(
  details: readonly ErrorDetail[],
  type: Pick<DetailType<never, T>, 'typeName' | 'decode'>,
): T[] {
  return details
    .filter(({ typeName }) => typeName === type.typeName)
    .map(({ bytes }) => type.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length));
}
