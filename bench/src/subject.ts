import type { ChildProcess } from 'node:child_process';
import type { Worker } from 'node:worker_threads';
import type { GreetReply, GreetRequest } from './message.js';
import type { Scenario } from './scenario.js';

/** A client whose calls are awaited. */
export interface AsyncClient {
  greet(request: GreetRequest): Promise<GreetReply>;
  /** Reads a stream of so many messages of so many bytes; gives how many there were. */
  stream?(chunks: number, bytes: number): Promise<number>;
  /** Opens a stream that has no end, of which only the first message is ever read. */
  stall?(): Promise<void>;
  /** Hands so many bytes to the server without a copy; how many it saw. */
  lend?(bytes: number): Promise<number>;
  close(): Promise<void>;
}

/** A client whose calls block the thread. */
export interface SyncClient {
  greet(request: GreetRequest): GreetReply;
  close(): void;
}

/** What a client may need to find its server. */
export interface Meeting {
  /** A directory of this cell alone, for sockets. */
  readonly dir: string;
  /** The server's process, where the client had to start it (`home: 'child'`). */
  readonly child?: ChildProcess;
  /** Where to reach the server, which the client had to start with pipes (`home: 'piped'`). */
  readonly url?: string;
  /** The server's thread, where the client had to start it (`home: 'thread'`). */
  readonly worker?: Worker;
  /** Room for messages of so many bytes, where subjects have a limit; left out where their own will do. */
  readonly maxMessageBytes?: number;
}

/** Callgate over one transport, another way of calling between processes, or the bare mechanism. */
export type Subject = NodeSubject | ProgramSubject | NativePeer;

interface SubjectWords {
  /** As on the command line. */
  readonly name: string;
  readonly kind: 'callgate' | 'peer' | 'native' | 'bare';
  /** One line for the reader of the table. */
  readonly about: string;
  /** Only measured when named, or by a figure that asks for it: a variant of another subject. */
  readonly aside?: boolean;
}

/** A subject written in JavaScript: a server part and a client part, each run in a fresh process (or thread). */
export interface NodeSubject extends SubjectWords {
  readonly kind: 'callgate' | 'peer';
  /**
   * Where the server lives: a process of its own, a child that the client forks or, `piped`, starts with pipes, or a
   * thread of the client's process.
   */
  readonly home: 'process' | 'child' | 'piped' | 'thread';
  /** Of the channel to a forked child. @default 'advanced' */
  readonly serialization?: 'json' | 'advanced';
  /** Its clients can `stream`. @default false */
  readonly streams?: boolean;
  /** Its clients can `stall`, too. @default false */
  readonly stalls?: boolean;
  /** It carries messages of any size. @default false */
  readonly bulk?: boolean;
  /** Its clients can `lend`. @default false */
  readonly lends?: boolean;
  /** Each `connect` opens a connection of its own, and there can be a thousand. @default false */
  readonly crowds?: boolean;
  /** The subject that does the same with nothing around it, and blocks as this one does: for `--figure one-core`. */
  readonly bare?: string;
  /** Answers every request with `greet`; resolves, when a client may come, to what ends it. */
  serve(dir: string, needs?: ServerNeeds): Promise<() => Promise<void>>;
  /** Left out where the subject cannot await a call. */
  connect?(meeting: Meeting): Promise<AsyncClient>;
  /** Left out where the subject cannot block the thread for a call. */
  connectSync?(meeting: Meeting): SyncClient;
}

/** What a scenario asks of a server beyond its defaults. */
export type ServerNeeds = Pick<Meeting, 'maxMessageBytes'>;

/** A bare mechanism: a compiled program that measures itself, one call at a time, blocking. */
export interface ProgramSubject extends SubjectWords {
  readonly kind: 'bare';
  /** It stands in `native/bare-<mechanism>.c`. */
  readonly mechanism: string;
  /** Those that it is measured in. @default 'unary-sync' */
  readonly scenarios?: readonly Scenario[];
}

/** Another library, written in C++: `native/peer-<program>.cc`, which `native/peer.cc` has measure itself. */
export interface NativePeer extends SubjectWords {
  readonly kind: 'native';
  readonly program: string;
  readonly scenarios: readonly Scenario[];
}
