import type { Client, SyncClient } from '../../index.js';
import type { Shift } from './shift.js';

/** What came of a load. */
export interface Load {
  /** Entries that must be in the book, once each. */
  readonly entries: string[];
  /** Processes that answered. */
  readonly servers: Set<string>;
  readonly failures: string[];
}

export function emptyLoad(): Load {
  return { entries: [], servers: new Set(), failures: [] };
}

type Kind = keyof (typeof Shift)['methods'];
const kinds: readonly Kind[] = ['write', 'note', 'list', 'join', 'chat'];

/** Makes calls of all kinds, one after the other, for as long as `on` says. */
export async function load(client: Client<typeof Shift>, name: string, into: Load, on: () => boolean): Promise<void> {
  for (let i = 0; on(); i++) {
    const kind = kinds[i % kinds.length] as Kind;
    const text = `${name}-${i}-${kind}`;
    try {
      const answers = await callOnce(client, kind, text);
      into.entries.push(text);
      for (const answer of answers) into.servers.add(answer);
    } catch (error) {
      into.failures.push(`${kind}: ${words(error)}`);
    }
  }
}

async function callOnce(client: Client<typeof Shift>, kind: Kind, text: string): Promise<readonly string[]> {
  switch (kind) {
    case 'write':
      return [(await client.write({ text })).text];
    case 'note':
      await client.note({ text });
      return [];
    case 'list':
      return lastOf(client.list({ text }));
    case 'join':
      return [(await client.join([{ text: text.slice(0, 3) }, { text: text.slice(3) }])).text];
    case 'chat':
      return lastOf(client.chat([{ text }]));
  }
}

async function lastOf(stream: AsyncIterable<{ readonly text: string }>): Promise<readonly string[]> {
  let last: string | undefined;
  for await (const { text } of stream) last = text;
  if (last === undefined) throw new Error('the stream was empty');
  return [last];
}

/** The same from a thread that blocks. */
export function loadSync(client: SyncClient<typeof Shift>, name: string, into: Load, on: () => boolean): void {
  for (let i = 0; on(); i++) {
    const kind = kinds[i % kinds.length] as Kind;
    const text = `${name}-${i}-${kind}`;
    try {
      const answer = callOnceSync(client, kind, text);
      into.entries.push(text);
      if (answer !== undefined) into.servers.add(answer);
    } catch (error) {
      into.failures.push(`blocking ${kind}: ${words(error)}`);
    }
  }
}

function callOnceSync(client: SyncClient<typeof Shift>, kind: Kind, text: string): string | undefined {
  switch (kind) {
    case 'write':
      return client.write({ text }).text;
    case 'note':
      client.note({ text });
      return undefined;
    case 'list':
      return [...client.list({ text })].at(-1)?.text;
    case 'join':
      return client.join([{ text: text.slice(0, 3) }, { text: text.slice(3) }]).text;
    case 'chat':
      return [...client.chat([{ text }])].at(-1)?.text;
  }
}

function words(error: unknown): string {
  const { code, reason, message } = error as { code?: string; reason?: string; message?: string };
  return `${code} ${reason}: ${message}`;
}
