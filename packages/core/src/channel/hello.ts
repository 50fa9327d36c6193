import {
  describeSchemas,
  type MessageSchema,
  type MethodDefinition,
  type MethodKind,
  parseSchemas,
  type ServiceDefinition,
} from '../codec/index.js';
import { Reason, RpcError } from '../errors/index.js';
import { DEFAULT_METADATA_BYTES } from './metadata-block.js';
import { DEFAULT_WINDOW_BYTES, DEFAULT_WINDOW_MESSAGES, LARGEST_WINDOW, type StreamWindow } from './stream/window.js';

/**
 * The payload of the first message each side sends: JSON, since it is read once per link and people look at it when
 * links fail. Untrusted when it arrives; `parseHello` checks all of it.
 */
export interface Hello {
  /** Bytes of the largest message (envelope included) that this side takes. */
  readonly maxMessageBytes: number;
  /** Bytes of metadata that this side takes with one message. @default 8192 */
  readonly maxMetadataBytes?: number;
  /** Payload bytes and messages of one stream that this side takes unread. @default 1 MiB, 4096 */
  readonly streamWindowBytes?: number;
  readonly streamWindowMessages?: number;
  /**
   * This side, should it call, knows GO_AWAY: it reads it at once (`always`), or only when it makes a call, since its
   * thread blocks (`calling`). @default it does not
   */
  readonly hears?: 'always' | 'calling' | undefined;
  /** Names the thread at which messages of this link are taken; the same for all links of one thread. */
  readonly thread?: string | undefined;
  /** The method table: what this side serves. A method's id is its place in this list. */
  readonly methods: readonly MethodEntry[];
}

export interface MethodEntry {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  readonly request: MessageSchema;
  readonly response: MessageSchema;
}

/** As a method stands in the JSON; the schemas of all methods share one table beside them. */
interface SentEntry {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
}

/** A method in words: `geo.Geo/LookUp`. */
export function methodPath(service: ServiceDefinition, method: MethodDefinition): string {
  return `${service.typeName}/${method.name}`;
}

export function encodeHello(hello: Hello): Buffer {
  const methods = hello.methods.map(({ service, method, kind }): SentEntry => ({ service, method, kind }));
  const schemas = describeSchemas(hello.methods.flatMap(({ request, response }) => [request, response]));
  const { maxMessageBytes, maxMetadataBytes, streamWindowBytes, streamWindowMessages } = hello;
  const { thread, hears } = hello;
  const limits = { maxMessageBytes, maxMetadataBytes, streamWindowBytes, streamWindowMessages, hears, thread };
  return Buffer.from(JSON.stringify({ ...limits, methods, schemas }));
}

/** How much of each stream the side with this hello takes unread. */
export function windowOf(hello: Hello | undefined): StreamWindow {
  const { streamWindowBytes = DEFAULT_WINDOW_BYTES, streamWindowMessages = DEFAULT_WINDOW_MESSAGES } = hello ?? {};
  return { bytes: streamWindowBytes, messages: streamWindowMessages };
}

const KINDS: readonly string[] = ['unary', 'server-streaming', 'client-streaming', 'bidi-streaming'];

/** Throws DATA_LOSS (PROTOCOL_VIOLATION) for anything that is not a hello. */
export function parseHello(text: string): Hello {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badHello('it is not JSON', cause);
  }
  if (!isRecord(value)) throw badHello('it is not an object');
  const { maxMessageBytes, methods } = value;
  if (!Number.isInteger(maxMessageBytes) || (maxMessageBytes as number) < 64)
    throw badHello('maxMessageBytes is missing or too small');
  const { maxMetadataBytes = DEFAULT_METADATA_BYTES } = value;
  if (!Number.isInteger(maxMetadataBytes) || (maxMetadataBytes as number) < 0)
    throw badHello('maxMetadataBytes is no number of bytes');
  const windows = {
    ...parseThread(value.thread),
    ...parseHears(value.hears),
    ...parseWindow('streamWindowBytes', value.streamWindowBytes),
    ...parseWindow('streamWindowMessages', value.streamWindowMessages),
  };
  if (!Array.isArray(methods) || methods.length > 100_000) throw badHello('methods is not a list');
  const sent = methods.map(parseEntry);
  const schemas = parseSchemas(value.schemas);
  const entries = sent.map((entry, i): MethodEntry => {
    const [request, response] = [schemas[2 * i], schemas[2 * i + 1]];
    if (request === undefined || response === undefined)
      throw badHello(`${entry.service}/${entry.method} has no schema`);
    return { ...entry, request, response };
  });
  return {
    maxMessageBytes: maxMessageBytes as number,
    maxMetadataBytes: maxMetadataBytes as number,
    ...windows,
    methods: entries,
  };
}

function parseThread(thread: unknown): { thread?: string } {
  if (thread === undefined) return {};
  if (typeof thread !== 'string' || thread.length > 100) throw badHello('thread is not a name');
  return { thread };
}

/** A word that is not known yet is a way of hearing that is not known either. */
function parseHears(hears: unknown): Pick<Hello, 'hears'> {
  return hears === 'always' || hears === 'calling' ? { hears } : {};
}

function parseWindow(name: 'streamWindowBytes' | 'streamWindowMessages', value: unknown): { [name: string]: number } {
  if (value === undefined) return {};
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > LARGEST_WINDOW)
    throw badHello(`${name} is no number from 1 to ${LARGEST_WINDOW}`);
  return { [name]: value as number };
}

function parseEntry(entry: unknown): SentEntry {
  if (!isRecord(entry)) throw badHello('a method is not an object');
  const { service, method, kind } = entry;
  if (typeof service !== 'string' || typeof method !== 'string') throw badHello('a method has no name');
  if (typeof kind !== 'string' || !KINDS.includes(kind)) throw badHello(`method ${service}/${method} has no kind`);
  return { service, method, kind: kind as MethodKind };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function badHello(what: string, cause?: unknown): RpcError {
  return new RpcError('DATA_LOSS', `the peer's greeting can't be read: ${what}`, {
    reason: Reason.PROTOCOL_VIOLATION,
    failed: 'channel',
    cause,
  });
}
