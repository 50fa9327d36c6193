/** The sizes are those of gRPC's interoperability tests. */
export const LARGE_REQUEST = new Uint8Array(271_828);
export const LARGE_REPLY_BYTES = 314_159;
export const REQUEST_SIZES: readonly number[] = [27_182, 8, 1828, 45_904];
export const REPLY_SIZES: readonly number[] = [31_415, 9, 2653, 58_979];
export const REQUESTS: readonly { readonly payload: Uint8Array }[] = REQUEST_SIZES.map((bytes) => ({
  payload: new Uint8Array(bytes),
}));
/** Each asks for one reply. */
export const PINGS: readonly { readonly replyBytes: readonly number[]; readonly payload: Uint8Array }[] =
  REPLY_SIZES.map((bytes, i) => ({ replyBytes: [bytes], payload: new Uint8Array(REQUEST_SIZES[i]!) }));

export const ECHO_HEADER = 'x-interop-echo-initial';
export const ECHO_TRAILER = 'x-interop-echo-trailing-bin';
export const HEADER = 'test_initial_metadata_value';
export const TRAILER: Uint8Array = Uint8Array.of(0xab, 0xab, 0xab);

export const SPECIAL_MESSAGE = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

/** What a case needs besides its client. */
export interface Around {
  /** A client of a service that is not served. */
  readonly absent: { readonly unimplemented: (request: object) => unknown };
  /** Calls at once of the case with many. */
  readonly crowd: number;
}

/** One thing that clients and servers must get right together. */
export interface Case<C> {
  readonly name: string;
  /** What a transport must carry for it. */
  readonly needs?: 'streams' | 'large';
  readonly run: (client: C, around: Around) => unknown;
}
