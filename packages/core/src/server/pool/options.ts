import { Reason, RpcError } from '../../errors/index.js';
import type { PoolSize } from './sizing.js';

/** How many workers a server has, and how long calls wait for one. All of them can be changed while it runs. */
export interface PoolKnobs {
  /** Workers that wait for calls: with fewer, more are started; 1 or more. As many are started at first. @default 1 */
  readonly loWater?: number | undefined;
  /**
   * Workers that may wait: one that is done while so many others do ends. As much as `maximum` keeps all of them; close
   * to `loWater`, workers come and go with the load, each of which takes some ten milliseconds to start. @default `maximum`
   */
  readonly hiWater?: number | undefined;
  /** Workers that are started at a time. @default 1 */
  readonly increment?: number | undefined;
  /** Workers in all. @default as many as there are processors, or `loWater` or `hiWater` where those are more */
  readonly maximum?: number | undefined;
  /** Calls that one worker has at a time: 1, where handlers block; more, where they await. @default 1 */
  readonly perWorker?: number | undefined;
  /** Calls that may wait for a worker; more are answered RESOURCE_EXHAUSTED at once, with the time to wait. @default 1000 */
  readonly maxQueued?: number | undefined;
  /** Milliseconds for which a worker with calls may answer nothing, before `late` tells. @default 1000 */
  readonly lateAfterMs?: number | undefined;
  /** Milliseconds for which a worker with calls may answer nothing, before it is ended, and its calls with it. @default Infinity */
  readonly stuckAfterMs?: number | undefined;
}

/** What a worker is started with. */
export interface PoolStart {
  /**
   * Module that each worker loads first; its default export, a function, may return interceptors and dependencies: see
   * `WorkerSetup`. @default none
   */
  readonly setup?: string | URL | undefined;
  /** Milliseconds for a worker to load its services. @default 30000 */
  readonly startTimeoutMs?: number | undefined;
  /** Options of Node for each worker, such as `['--import', 'tsx']`. @default those of this process */
  readonly execArgv?: readonly string[] | undefined;
  /** Limits of each worker's heap and stack, in MiB, past which it ends: `maxOldGenerationSizeMb` and others. Source: node:worker_threads */
  readonly resourceLimits?: { readonly [limit: string]: number } | undefined;
}

export interface PoolOptions extends PoolKnobs, PoolStart {}

export interface ResolvedPoolKnobs extends PoolSize {
  readonly perWorker: number;
  readonly maxQueued: number;
  readonly lateAfterMs: number;
  readonly stuckAfterMs: number;
}

export interface ResolvedPoolStart {
  readonly setup: string | undefined;
  readonly startTimeoutMs: number;
  readonly execArgv: readonly string[] | undefined;
  readonly resourceLimits: { readonly [limit: string]: number } | undefined;
}

const KNOBS = [
  'loWater',
  'hiWater',
  'increment',
  'maximum',
  'perWorker',
  'maxQueued',
  'lateAfterMs',
  'stuckAfterMs',
] as const;
const START = ['setup', 'startTimeoutMs', 'execArgv', 'resourceLimits'] as const;

/** More threads than this help nobody, and their numbers have that much room. */
const MOST_WORKERS = 512;

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolvePoolKnobs(knobs: PoolKnobs, processors: number): ResolvedPoolKnobs {
  checkNames(knobs, KNOBS);
  const loWater = whole('loWater', knobs.loWater ?? 1, 1, MOST_WORKERS);
  const hi = knobs.hiWater === undefined ? undefined : whole('hiWater', knobs.hiWater, 1, MOST_WORKERS);
  const maximum = whole('maximum', knobs.maximum ?? Math.max(loWater, hi ?? 1, processors), 1, MOST_WORKERS);
  const hiWater = hi ?? maximum;
  if (maximum < loWater) throw bad(`pool.maximum: ${maximum} workers in all can't be fewer than loWater, ${loWater}`);
  if (hiWater < loWater)
    throw bad(`pool.hiWater: ${hiWater} workers that may wait can't be fewer than loWater, ${loWater}`);
  if (maximum < hiWater)
    throw bad(`pool.hiWater: ${hiWater} workers that may wait can't be more than maximum, ${maximum}`);
  const lateAfterMs = milliseconds('lateAfterMs', knobs.lateAfterMs ?? 1000);
  return Object.freeze({
    loWater,
    hiWater,
    maximum,
    increment: whole('increment', knobs.increment ?? 1, 1, MOST_WORKERS),
    perWorker: whole('perWorker', knobs.perWorker ?? 1, 1, 65_536),
    maxQueued: whole('maxQueued', knobs.maxQueued ?? 1000, 0, 1_000_000),
    lateAfterMs,
    stuckAfterMs: milliseconds('stuckAfterMs', knobs.stuckAfterMs ?? Number.POSITIVE_INFINITY),
  });
}

/** Validates, fills defaults and freezes. Throws INVALID_ARGUMENT (BAD_OPTION). */
export function resolvePoolStart(start: PoolStart): ResolvedPoolStart {
  const { setup, execArgv, resourceLimits } = start;
  if (setup !== undefined && typeof setup !== 'string' && !(setup instanceof URL))
    throw bad(`pool.setup: expected the URL or path of a module, found ${show(setup)}`);
  if (execArgv !== undefined && !(Array.isArray(execArgv) && execArgv.every((one) => typeof one === 'string')))
    throw bad(`pool.execArgv: expected a list of options of Node, found ${show(execArgv)}`);
  if (resourceLimits !== undefined && (typeof resourceLimits !== 'object' || resourceLimits === null))
    throw bad(`pool.resourceLimits: expected a map of limits in MiB, found ${show(resourceLimits)}`);
  return Object.freeze({
    setup: setup === undefined ? undefined : String(setup),
    startTimeoutMs: milliseconds('startTimeoutMs', start.startTimeoutMs ?? 30_000),
    execArgv,
    resourceLimits,
  });
}

/** Knobs and what workers are started with, apart. Throws INVALID_ARGUMENT (BAD_OPTION) for what is neither. */
export function dividePoolOptions(options: PoolOptions): { readonly knobs: PoolKnobs; readonly start: PoolStart } {
  checkNames(options, [...KNOBS, ...START]);
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const isKnob = ([name]: [string, unknown]): boolean => (KNOBS as readonly string[]).includes(name);
  return {
    knobs: Object.fromEntries(entries.filter(isKnob)),
    start: Object.fromEntries(entries.filter((entry) => !isKnob(entry))),
  };
}

function checkNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw bad(`pool: expected a map of knobs, found ${show(options)}`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw bad(`pool: expected a map of ${known.join(', ')}, found ${unknown}`);
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  throw bad(`pool.${name}: expected a whole number from ${least} to ${most}, found ${show(value)}`);
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  throw bad(`pool.${name}: expected milliseconds, more than 0, found ${show(value)}`);
}

function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
}

function bad(words: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION });
}
