import { createHash } from 'node:crypto';
import type {
  LookUpReply,
  LookUpRequest,
  NearestReply,
  NearestRequest,
  StatisticsReply,
  StatisticsRequest,
} from '../gen/geo.js';
import type { Atlas } from './atlas.js';

/** One call of the city service. */
export type Question =
  | { readonly method: 'lookUp'; readonly request: LookUpRequest }
  | { readonly method: 'nearest'; readonly request: NearestRequest }
  | { readonly method: 'statistics'; readonly request: StatisticsRequest };

/** The city service as somebody answers it: at once, or (`R` a promise) later. */
export interface Answerer<Lookup, Nearest, Statistics> {
  lookUp(request: LookUpRequest): Lookup;
  nearest(request: NearestRequest): Nearest;
  statistics(request: StatisticsRequest): Statistics;
}

export type SyncAnswerer = Answerer<LookUpReply, NearestReply, StatisticsReply>;
export type AsyncAnswerer = Answerer<Promise<LookUpReply>, Promise<NearestReply>, Promise<StatisticsReply>>;

/** The same questions for everybody: some names from all over the world, points on a grid, every country; some without answer. */
export function questionsAbout(atlas: Atlas): Question[] {
  const names = Array.from({ length: 500 }, (_, i) => atlas.names[Math.floor((i * atlas.size) / 500)]!);
  const odd = ['springfield', 'SAN FRANCISCO', 'Atlantis on Sea', '', '東京', 'Łódź', 'Sant Julià de Lòria'];
  const points = [];
  for (let latitude = -90; latitude <= 90; latitude += 15) {
    for (let longitude = -180; longitude <= 180; longitude += 20) points.push({ latitude, longitude });
  }
  return [
    ...[...names, ...odd].map((name) => ({ method: 'lookUp' as const, request: { name, limit: 3 } })),
    ...points.map((point) => ({ method: 'nearest' as const, request: { point, count: 4 } })),
    ...[...atlas.countries, 'ZZ'].map((country) => ({ method: 'statistics' as const, request: { country } })),
  ];
}

/** The answer to a question in a form that can be compared; a failed call is answered by its status. */
export function ask(service: SyncAnswerer, question: Question): string {
  try {
    return canonical(put(service, question));
  } catch (error) {
    return refusal(error);
  }
}

export async function askAsync(service: AsyncAnswerer, question: Question): Promise<string> {
  try {
    return canonical(await put(service, question));
  } catch (error) {
    return refusal(error);
  }
}

function put<L, N, S>(service: Answerer<L, N, S>, { method, request }: Question): L | N | S {
  if (method === 'lookUp') return service.lookUp(request);
  return method === 'nearest' ? service.nearest(request) : service.statistics(request);
}

function refusal(error: unknown): string {
  const { code, details, message } = error as { code?: unknown; details?: unknown; message?: string };
  // gRPC has the number of the status where Callgate has its name, and the words in what Callgate has messages in.
  if (code === 'NOT_FOUND' || code === 5) return `NOT_FOUND ${typeof details === 'string' ? details : message}`;
  throw error;
}

/** The same text for equal messages: members in order, maps as objects, 64-bit integers as strings, nothing undefined. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === 'bigint') return String(member);
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    const entries: [string, unknown][] = member instanceof Map ? [...member] : Object.entries(member);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** A short word for a list of answers: equal for equal lists. */
export function digest(answers: readonly string[]): string {
  return createHash('sha256').update(answers.join('\n')).digest('hex').slice(0, 16);
}
