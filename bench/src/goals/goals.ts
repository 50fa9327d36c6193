import { oneCoreGoal } from '../figures/one-core.js';
import type { Scenario } from '../scenario.js';
import type { Subject } from '../subject.js';
import type { Bound, Goal, GoalField, Reading } from './judge.js';

const read = (scenario: Scenario, subject: string, field: GoalField): Reading => ({ scenario, subject, field });
const p50 = (scenario: Scenario, subject: string) => read(scenario, subject, 'p50Us');
const rate = (scenario: Scenario, subject: string) => read(scenario, subject, 'perSecond');
const one = (title: string, bound: Bound): Goal => ({ title, alternatives: [[bound]] });

const spin = p50('unary-sync', 'bare-shm');
const awaited = p50('unary-async', 'shm');
const busy = (subject: string) => rate('in-flight-64', subject);
/** Bounds from below on how many times more calls than others a subject makes with 64 under way. */
const times = (subject: string, others: readonly (readonly [string, number])[]): Bound[] =>
  others.map(([other, atLeast]) => ({ of: busy(subject), by: busy(other), atLeast }));

/** What Callgate aims at on a machine with two processors that has nothing else to do. */
const chosen: readonly Goal[] = [
  one('a blocking call over shm: beside the bare spin on shared memory', {
    of: p50('unary-sync', 'shm'),
    by: spin,
    atMost: 2.5,
  }),
  one('an awaited call over shm: beside the bare spin', { of: awaited, by: spin, atMost: 6 }),
  one('an awaited call over shm: below one by gRPC-js', {
    of: p50('unary-async', 'grpc-js'),
    by: awaited,
    atLeast: 100,
  }),
  one('an awaited call over shm: below one by gRPC in C++', {
    of: p50('unary-async', 'grpc-cpp'),
    by: awaited,
    atLeast: 30,
  }),
  one("an awaited call over shm: below one by Cap'n Proto in C++", {
    of: p50('unary-async', 'capnp-cpp'),
    by: awaited,
    atLeast: 15,
  }),
  {
    title: '64 calls in flight over shm:',
    alternatives: [
      [{ of: busy('shm'), atLeast: 1_000_000 }],
      times('shm', [
        ['grpc-js', 250],
        ['grpc-cpp', 40],
        ['child-ipc', 6],
        ['child-ipc-json', 6],
      ]),
    ],
  },
  {
    title: '64 calls in flight over unix:',
    alternatives: [
      times('unix', [
        ['child-ipc', 2],
        ['child-ipc-json', 2],
        ['grpc-js', 60],
      ]),
    ],
  },
  one('a mebibyte there and back over shm: of the bandwidth of copying it', {
    of: p50('bulk-1m', 'bare-memcpy'),
    by: p50('bulk-1m', 'shm'),
    atLeast: 0.5,
  }),
  one('64 MiB lent over shm:, in µs', { of: p50('loan-64m', 'shm'), atMost: 20 }),
  one('CPU ticks of both sides with 1,000 idle connections over shm:', {
    of: read('connections-1000', 'shm', 'idleTicks'),
    atMost: 0,
  }),
  one('private KiB for each connection and side, beyond the ring, with 1,000 over shm:', {
    of: read('connections-1000', 'shm', 'privateKiB'),
    atMost: 64,
  }),
  one('calls/s over shm: with 1,000 connected and 16 busy, of those with 16 connected', {
    of: rate('connections-1000', 'shm'),
    by: rate('connections-16', 'shm'),
    atLeast: 0.8,
  }),
  one('a process that connects over shm: and calls once, in µs over an empty process', {
    of: p50('start-up', 'shm'),
    atMost: 40_000,
  }),
  one('messages of 64 bytes a second in a stream over shm:', { of: rate('stream-64b', 'shm'), atLeast: 2_000_000 }),
  one('streams of small messages over shm: beside child_process', {
    of: rate('stream-64b', 'shm'),
    by: rate('stream-64b', 'child-ipc'),
    atLeast: 5,
  }),
  one('calls/s over shm: beside a stream that nobody reads, of those without', {
    of: rate('in-flight-64-stalled', 'shm'),
    by: rate('in-flight-64', 'shm'),
    atLeast: 0.8,
  }),
];

/** All of them: those above, and one for each subject that is measured on one core beside its bare mechanism. */
export function goalsFor(subjects: readonly Subject[]): readonly Goal[] {
  const beside = subjects.flatMap((subject) =>
    'bare' in subject && subject.bare !== undefined ? [[subject.name, subject.bare] as const] : [],
  );
  return [
    ...chosen,
    ...beside.map(([subject, bare]) =>
      one(`a blocking call by ${subject} beside ${bare}, all on one core`, {
        // Means of a call: the rates the other way round.
        of: rate('one-core', bare),
        by: rate('one-core', subject),
        atMost: oneCoreGoal,
      }),
    ),
  ];
}
