import { defineMethod, defineService } from '../../codec.js';
import { type Text, textType } from '../../testing/echo.js';

export type { Text };

const messages = { request: textType, response: textType };

/** What a pool is good for, and what it must survive. */
export const Jobs = defineService('test.Jobs', {
  /** Gives the text back. */
  echo: defineMethod({ name: 'Echo', localName: 'echo', ...messages }),
  /** Blocks its thread for so many milliseconds. Gives the thread's number. */
  block: defineMethod({ name: 'Block', localName: 'block', ...messages }),
  /** Awaits for so many milliseconds, or its signal. Gives the thread's number. */
  sleep: defineMethod({ name: 'Sleep', localName: 'sleep', ...messages }),
  /** Does what its text says. */
  misbehave: defineMethod({ name: 'Misbehave', localName: 'misbehave', ...messages }),
  /** Shows what of a call reaches its handler: `metadata key`, `handle`, `back text`, `deadline`. */
  tell: defineMethod({ name: 'Tell', localName: 'tell', ...messages }),
  /** Appends to a file: `path text`, after a while. */
  note: defineMethod({ name: 'Note', localName: 'note', oneway: true, ...messages }),
  /** The same, and one after the other for each client. */
  append: defineMethod({ name: 'Append', localName: 'append', ordered: true, ...messages }),
  list: defineMethod({ name: 'List', localName: 'list', kind: 'server-streaming', ...messages }),
  join: defineMethod({ name: 'Join', localName: 'join', kind: 'client-streaming', ...messages }),
  chat: defineMethod({ name: 'Chat', localName: 'chat', kind: 'bidi-streaming', ...messages }),
});

/** What clients of these tests offer. */
export const Back = defineService('test.Back', {
  say: defineMethod({ name: 'Say', localName: 'say', ...messages }),
});
