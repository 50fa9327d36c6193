import { appendFileSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { type CallContext, type Handlers, handleOf, implement, RpcError, type RpcStream } from '../../index.js';
import { Back, Jobs, type Text } from './jobs.js';

const nothing = new Int32Array(new SharedArrayBuffer(4));

export class JobsService implements Handlers<typeof Jobs> {
  #appended = 0;

  echo({ text }: Text): Text {
    return { text };
  }

  block({ text }: Text): Text {
    Atomics.wait(nothing, 0, 0, Number(text));
    return { text: String(threadId) };
  }

  async sleep({ text }: Text, { signal }: CallContext): Promise<Text> {
    await after(Number(text), undefined, { signal });
    return { text: String(threadId) };
  }

  misbehave({ text }: Text): Text {
    const [what = '', more = ''] = text.split(' ');
    if (what === 'exit') process.exit(Number(more));
    if (what === 'throw-later') setImmediate(() => throwNow(more));
    if (what === 'throw') throwNow(more);
    if (what === 'refuse') throw new RpcError('NOT_FOUND', more);
    if (what === 'loop') for (;;) if (Date.now() < 0) break;
    if (what === 'eat') eat();
    return { text: String(threadId) };
  }

  async tell({ text }: Text, context: CallContext): Promise<Text> {
    const [what, more = ''] = text.split(' ');
    if (what === 'metadata') {
      context.headers.set('said', more);
      context.trailers.set('done', more);
      return { text: `${context.metadata.get(more)}` };
    }
    if (what === 'handle') {
      const [handle] = context.takeHandles();
      using _ = handle;
      context.giveHandles([handleOf(openSync(more, 'r'))]);
      return { text: readFileSync(handle?.value ?? -1, 'utf8') };
    }
    if (what === 'back') return context.client(Back).say({ text: `${more} ${threadId}` });
    return { text: `${Math.round(context.deadline - performance.now())}` };
  }

  async note({ text }: Text): Promise<Text> {
    const [path = '', line = ''] = text.split(' ');
    await after(5);
    appendFileSync(path, `${line}\n`);
    return { text: '' };
  }

  async append({ text }: Text): Promise<Text> {
    const [path = '', line = ''] = text.split(' ');
    appendFileSync(path, `${line} begins\n`);
    await after(5);
    appendFileSync(path, `${line} ends\n`);
    return { text: String(++this.#appended) };
  }

  *list({ text }: Text): Generator<Text> {
    for (const word of text.split(' ')) yield { text: word };
  }

  async join(texts: RpcStream<Text>): Promise<Text> {
    const all: string[] = [];
    for await (const { text } of texts) all.push(text);
    return { text: all.join(' ') };
  }

  async *chat(texts: RpcStream<Text>): AsyncGenerator<Text> {
    for await (const { text } of texts) yield { text: `${text}!` };
  }
}

function throwNow(words: string): never {
  throw new Error(words);
}

function eat(): void {
  const eaten: number[][] = [];
  for (;;) eaten.push(new Array<number>(100_000).fill(eaten.length));
}

export default implement(Jobs, JobsService);
