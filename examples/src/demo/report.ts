import type { Timing } from '@callgate/bench';

export const streamMethods = ['citiesIn', 'routeLength', 'nearestWhile'] as const;
export type StreamMethod = (typeof streamMethods)[number];

/** What a client of the demo prints: one JSON object per line of its stdout. */
export type Report =
  /** Answers in words, for a person to read. */
  | { readonly kind: 'samples'; readonly sentences: readonly string[] }
  /** All questions were asked in one mode. */
  | {
      readonly kind: 'answers';
      readonly mode: string;
      readonly questions: number;
      /** Equal for equal answers. */
      readonly digest: string;
      /** The first few answers that differ from what the client's own index says. */
      readonly differences: readonly string[];
    }
  /** One measurement. */
  | ({ readonly kind: 'timing'; readonly mode: string } & Timing)
  /** A method was streamed by in one mode. */
  | {
      readonly kind: 'streamed';
      readonly mode: string;
      readonly method: StreamMethod;
      /** Messages of its streams, all compared. */
      readonly items: number;
      readonly perSecond: number;
      /** The first few that differ from what the client's own index says. */
      readonly differences: readonly string[];
    }
  /** Streams can't be had in one mode. */
  | { readonly kind: 'streamless'; readonly mode: string; readonly why: string }
  /** Bytes that a call moves on the mean. */
  | { readonly kind: 'bytes'; readonly requestBytes: number; readonly replyBytes: number };

export type Answers = Extract<Report, { kind: 'answers' }>;

export function print(report: Report): void {
  console.log(JSON.stringify(report));
}
