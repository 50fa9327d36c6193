/**
 * The 17 standard status codes, with gRPC's numbers and meanings.
 * Source: https://grpc.io/docs/guides/status-codes/
 */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type CodeName = keyof typeof Code;
export type Code = (typeof Code)[CodeName];

const names = Object.keys(Code) as CodeName[];

/** The name of a status number, or `UNKNOWN` for a number that no code has. */
export function codeName(code: number): CodeName {
  return names[code] ?? 'UNKNOWN';
}
