import { type Scenario, sizeScenarios } from '../scenario.js';
import type { NativePeer } from '../subject.js';

const both = ['unary-async', 'in-flight-64', 'in-flight-1000', ...sizeScenarios, 'bulk-1m'] as const;

function nativePeer(program: string, about: string, scenarios: readonly Scenario[]): NativePeer {
  return { name: `${program}-cpp`, kind: 'native', about, program, scenarios };
}

/** What others have in C++: how much of the difference is the language. */
export const nativePeers: readonly NativePeer[] = [
  nativePeer('grpc', 'gRPC in C++ over a Unix socket: sync stub, callback stub', ['unary-sync', ...both]),
  nativePeer('capnp', "Cap'n Proto RPC in C++ over a Unix socket", ['unary-sync', ...both]),
];
