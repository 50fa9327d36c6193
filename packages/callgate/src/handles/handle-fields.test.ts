import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createClient,
  createServer,
  type Handle,
  type Handlers,
  handleOf,
  type MessageType,
  type MethodDefinition,
  RpcError,
  type ServiceDefinition,
} from '../index.js';
import { loadService } from '../load.js';
import { runNode } from '../testing/run.js';
import { openFile, openFiles, readAll } from './testing/files.js';
import { Parcel, Vault } from './testing/vault.js';

const proto = fileURLToPath(new URL('../../src/handles/testing/vault.proto', import.meta.url));
const program = new URL('./testing/vault.child.js', import.meta.url);
const codecs = { generated: Vault, loaded: loadService(proto, 'vault.Vault') as unknown as typeof Vault };

let folder: string;
let endings: (() => unknown)[];
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-handle-fields-'));
  endings = [];
  children = [];
});
afterEach(async () => {
  await expect.poll(() => openFiles(folder), { timeout: 10_000 }).toEqual([]);
  for (const end of endings.reverse()) await end();
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const file = (name: string) => openFile(folder, name);

const answers: Handlers<typeof Vault> = {
  swap: ({ text }) => ({ text }),
  *hand() {},
  collect: () => ({}),
  *forward() {},
};

async function serve(scheme: string, handlers: Partial<Handlers<typeof Vault>>, service = Vault) {
  const errors: RpcError[] = [];
  const server = createServer({ onError: (error) => errors.push(error) });
  server.add(service, { ...answers, ...handlers });
  const [url = ''] = await server.listen(scheme === 'tcp' ? 'tcp:127.0.0.1:0' : `${scheme}:${join(folder, 'vault')}`);
  endings.push(() => server.close());
  return { url, client: connect(service, url), errors };
}

function connect<S extends ServiceDefinition>(service: S, url: string) {
  const client = createClient(service, url, { timeout: 10_000 });
  endings.push(() => client.$close());
  return client;
}

async function start(task: string, url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileURLToPath(program), task, url, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  if (task === 'serve') await once(child.stdout, 'data');
  return child;
}

async function failure(call: PromiseLike<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (RpcError.is(error)) return error;
  throw error;
}

describe.each(['unix', 'shm'])('over %s:', (scheme) => {
  describe.each(['generated', 'loaded'] as const)('with %s codecs,', (codec) => {
    test('an open file goes in a field, and another comes back.', async () => {
      const swap: Handlers<typeof Vault>['swap'] = (request) => ({
        text: readAll([request.file]),
        file: file('b'),
      });
      const { client } = await serve(scheme, { swap }, codecs[codec]);
      const request = { file: file('a') };
      const reply = await client.swap(request);
      expect([request.file.value, reply.text, readAll([reply.file])]).toEqual([-1, 'in a', 'in b']);
    });

    test('they stand in lists, maps, oneofs and messages inside messages, each where it was put.', async () => {
      const { client } = await serve(scheme, { swap: (request) => request }, codecs[codec]);
      const reply = await client.swap({
        file: file('a'),
        files: [file('b'), file('c')],
        byName: new Map([['d', file('d')]]),
        inner: { inner: { file: file('e') }, either: { case: 'one', value: file('f') } },
      });
      expect(readAll([reply.file, ...reply.files])).toBe('in a, in b, in c');
      expect([...reply.byName.keys(), readAll(reply.byName.values())]).toEqual(['d', 'in d']);
      const either = reply.inner?.either;
      expect(readAll([reply.inner?.inner?.file, either?.case === 'one' ? either.value : undefined])).toBe('in e, in f');
    });

    test("what can't be sent is refused with the name of its field, and stays open.", async () => {
      const { client } = await serve(scheme, {}, codecs[codec]);
      using open = file('open');
      using closed = file('closed');
      closed.close();
      const words = async (request: Parameters<typeof client.swap>[0]) => {
        const { code, reason, message } = await failure(client.swap(request));
        expect([code, reason]).toEqual(['INVALID_ARGUMENT', 'UNENCODABLE']);
        return message;
      };
      expect(await words({ files: [open, closed] })).toBe(
        "cannot encode vault.Parcel.files: the handle is closed, or was given away before (what is sent is the call's)",
      );
      expect(await words({ file: open, inner: { files: [open] } })).toBe(
        'cannot encode vault.Parcel.files: the same handle is in vault.Parcel.file of this message',
      );
      expect(await words({ file: 5 as never })).toBe(
        'cannot encode vault.Parcel.file: expected a Handle (handleOf makes one), found 5',
      );
      const many = Array.from({ length: 65 }, (_, i) => file(`${i}`));
      expect(await words({ files: many })).toBe(
        'cannot encode vault.Parcel.files: a message carries at most 64 handles',
      );
      expect(openFiles(folder)).toHaveLength(66);
      expect((await client.swap({ text: 'on', files: many.slice(1) })).text).toBe('on');
      many[0]?.close();
      expect(readAll([open])).toBe('in open');
    });
  });

  test('where other messages stand between tags, handles are written as ever, so that both sides understand each other.', async () => {
    const source = (head: string) => ({
      sources: {
        'drawer.proto': `${head}
          package drawer;
          import "callgate/handle.proto";
          message Slip { callgate.Handle file = 1; repeated callgate.Handle files = 2; map<string, callgate.Handle> by_name = 3; }
          service Drawer { rpc Swap(Slip) returns (Slip); }`,
      },
    });
    const tagged = loadService(
      source('edition = "2023"; option features.message_encoding = DELIMITED;'),
      'drawer.Drawer',
    );
    const plain = loadService(source('syntax = "proto3";'), 'drawer.Drawer');
    const server = createServer();
    server.add(tagged, { swap: (request) => request as never });
    const [url = ''] = await server.listen(`${scheme}:${join(folder, 'drawer')}`);
    endings.push(() => server.close());
    for (const service of [tagged, plain]) {
      const byName = new Map([['d', file('d')]]);
      const reply = await connect(service, url).swap?.({ file: file('a'), files: [file('b'), file('c')], byName });
      const {
        file: own,
        files,
        byName: named,
      } = reply as unknown as {
        readonly file: Handle;
        readonly files: readonly Handle[];
        readonly byName: ReadonlyMap<string, Handle>;
      };
      expect(readAll([own, ...files, ...named.values()])).toBe('in a, in b, in c, in d');
    }
  });

  test('what the handler has not taken is closed when it is done, not while it works.', async () => {
    let kept: Handle | undefined;
    const { client } = await serve(scheme, {
      async swap({ file: own, files }) {
        await turn();
        kept = handleOf(files[0]?.detach() ?? -1);
        return { text: readFileSync(own?.value ?? -1, 'utf8') };
      },
    });
    expect((await client.swap({ file: file('a'), files: [file('b'), file('c')] })).text).toBe('in a');
    await expect.poll(() => openFiles(folder)).toEqual(['b']);
    expect(readAll([kept])).toBe('in b');
  });

  test("a call that is cancelled leaves its files to the handler until that is done, and then closes its reply's.", async () => {
    let finish = (): void => undefined;
    const aborted = new AbortController();
    const seen: unknown[] = [];
    const { client } = await serve(scheme, {
      swap: async ({ file: own }, { signal }) => {
        const finished = new Promise<void>((resolve) => {
          finish = resolve;
        });
        signal.addEventListener('abort', () => seen.push(openFiles(folder)));
        aborted.abort();
        await finished;
        return { file: file('unsent'), text: readFileSync(own?.value ?? -1, 'utf8') };
      },
    });
    expect((await failure(client.swap({ file: file('a') }, { signal: aborted.signal }))).code).toBe('CANCELLED');
    await expect.poll(() => seen).toEqual([['a']]);
    finish();
  });

  test('those of a handler that fails are closed, with those of a request that is not understood.', async () => {
    const { client } = await serve(scheme, {
      swap: ({ text }) => {
        if (text === 'later') return Promise.reject(new RpcError('ABORTED', 'on purpose'));
        throw new RpcError('ABORTED', 'on purpose');
      },
    });
    expect((await failure(client.swap({ file: file('a') }))).code).toBe('ABORTED');
    expect((await failure(client.swap({ text: 'later', file: file('b') }))).code).toBe('ABORTED');
  });

  test('files in fields and files beside the message do not mix.', async () => {
    const { client } = await serve(scheme, {
      swap: ({ file: own }, context) => {
        const text = `${readAll([own])}; ${readAll(context.takeHandles())}`;
        context.giveHandles([file('c')]);
        return { text, file: file('d') };
      },
    });
    const handlesInto: Handle[] = [];
    const reply = await client.swap({ file: file('a') }, { handles: [file('b')], handlesInto });
    expect([reply.text, readAll([reply.file]), readAll(handlesInto)]).toEqual(['in a; in b', 'in d', 'in c']);
  });

  test('messages of streams carry them both ways, and what is not read is closed.', async () => {
    const { client } = await serve(scheme, {
      async *hand({ text }) {
        for (let i = 0; i < Number(text); i++) yield { file: file(`${i}`) };
      },
      async collect(parcels) {
        const texts: string[] = [];
        for await (const parcel of parcels) {
          texts.push(readFileSync(parcel.file?.value ?? -1, 'utf8'));
          if (texts.length === 3) break;
        }
        return { text: texts.join(', ') };
      },
      forward: (parcels) => parcels,
    });
    const names: string[] = [];
    for await (const parcel of client.hand({ text: '3' })) names.push(readAll([parcel.file]));
    expect(names).toEqual(['in 0', 'in 1', 'in 2']);
    for await (const parcel of client.hand({ text: '50' })) {
      expect(readAll([parcel.file])).toBe('in 0');
      break;
    }
    await expect.poll(() => openFiles(folder)).toEqual([]);
    const offered = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ file: file(name) }));
    expect((await client.collect(offered)).text).toBe('in a, in b, in c');
    for (const parcel of offered) parcel.file.close();
    names.length = 0;
    for await (const parcel of client.forward([{ file: file('x') }, { file: file('y') }])) {
      names.push(readAll([parcel.file]));
    }
    expect(names).toEqual(['in x', 'in y']);
  });

  test('what an observable gave and nobody will send is closed.', async () => {
    const source = new Subject<{ file: Handle }>();
    const { client } = await serve(scheme, {
      async collect(parcels) {
        for await (const parcel of parcels) return { text: readAll([parcel.file]) };
        return {};
      },
    });
    const reply = client.collect(source);
    await expect.poll(() => source.observed).toBe(true);
    for (let i = 0; i < 200; i++) source.next({ file: file(`${i}`) });
    expect((await reply).text).toBe('in 0');
  });

  test('a blocking client in another process sends and gets them, in streams, too.', async () => {
    const { url } = await serve(scheme, {
      swap: ({ file: own, files }) => ({ text: readAll([own, ...files]), file: file('back') }),
      *hand() {
        for (const name of ['one', 'two', 'three']) yield { file: file(name) };
      },
      async collect(parcels) {
        const texts: string[] = [];
        for await (const parcel of parcels) texts.push(readAll([parcel.file]));
        return { text: texts.join(' and ') };
      },
      forward: (parcels) => parcels,
    });
    expect(await runNode(program, ['call', url, folder])).toEqual({
      code: 0,
      signal: null,
      stdout:
        'in from afar, in and more -1 in back\nin one\nin two\nin three\nonly in one\nin x and in y\nand back: in there\n',
      stderr: '',
    });
  });

  test('a killed caller leaves nothing open at the server.', async () => {
    let working = 0;
    const { url } = await serve(scheme, {
      swap: async (_, { signal }) => {
        working++;
        await once(signal, 'abort');
        working--;
        return { file: file('for nobody') };
      },
    });
    const child = await start('hold', url);
    await expect.poll(() => working, { timeout: 10_000 }).toBe(1);
    expect(openFiles(folder)).toEqual(['held']);
    child.kill('SIGKILL');
    await expect.poll(() => working, { timeout: 10_000 }).toBe(0);
  });

  test('a killed server leaves nothing open at the caller but what it has read.', async () => {
    const url = `${scheme}:${join(folder, 'mortal')}`;
    const child = await start('serve', url);
    const client = connect(Vault, url);
    const waiting = failure(client.swap({ file: file('gone') }));
    const stream = client.hand({})[Symbol.asyncIterator]();
    const first = await stream.next();
    await expect.poll(() => openFiles(folder, child.pid ?? 0), { timeout: 10_000 }).toContain('gone');
    child.kill('SIGKILL');
    expect((await waiting).code).toBe('UNAVAILABLE');
    await stream.return?.();
    expect(openFiles(folder)).toEqual(['first']);
    expect(readAll([first.value?.file])).toBe('in first');
  });

  describe('from a peer that breaks the rules,', () => {
    const number = (field: number, value: number) => [field * 8 + 2, 2, 8, value];

    test.each([
      [
        'a number that no handle has',
        [...number(2, 1), ...number(3, 2)],
        'vault.Parcel.files: it names handle 2 of the message, and one came with it',
      ],
      ['no number', [2 * 8 + 2, 0], 'vault.Parcel.file: it names handle 0 of the message, and one came with it'],
      [
        'a number twice',
        [...number(2, 1), ...number(3, 1)],
        'vault.Parcel.files: handle 1 of the message has a field already',
      ],
      ['a map without a value', [4 * 8 + 2, 0], 'vault.Parcel.by_name: an entry has no handle'],
    ])('%s is refused in a request as in a reply, and all is closed.', async (_, bytes, words) => {
      const raw = byHand(Buffer.from(bytes));
      const { url } = await serve(scheme, {});
      const asked = await failure(connect(raw, url).swap({}, { handles: [file('a')] }));
      expect([asked.code, asked.reason]).toEqual(['INVALID_ARGUMENT', 'UNDECODABLE']);
      expect(asked.message).toContain(`cannot decode ${words}`);
      const server = createServer();
      server.add(raw, {
        swap: (_request, context) => {
          context.giveHandles([file('b')]);
          return {};
        },
      });
      const [other = ''] = await server.listen(`${scheme}:${join(folder, 'other')}`);
      endings.push(() => server.close());
      const answered = await failure(connect(Vault, other).swap({}));
      expect([answered.code, answered.reason]).toEqual(['INTERNAL', 'UNDECODABLE']);
      expect(answered.message).toContain(words);
    });

    test('what no field names, and what a later field overwrites, is closed.', async () => {
      const raw = byHand(Buffer.from([...number(2, 1), ...number(6, 2), ...number(2, 3)]));
      const open: number[] = [];
      const { url } = await serve(scheme, {
        swap: ({ text, file: own, either }) => {
          open.push(fstatSync(own?.value ?? -1).size, either?.case === 'one' ? either.value.value : -1);
          return { text };
        },
      });
      await connect(raw, url).swap({}, { handles: ['a', 'b', 'third', 'surplus'].map(file) });
      expect(open).toEqual(['in third'.length, expect.any(Number)]);
    });
  });
});

/** The service, with messages that are these bytes. */
function byHand(content: Buffer) {
  const type: MessageType<object> = {
    typeName: 'vault.Parcel',
    size: () => content.length,
    encode: (_, bytes, start) => start + content.copy(bytes, start),
    decode: () => ({}),
    schema: Parcel.schema,
  };
  const { name, localName, kind, oneway, idempotent } = Vault.methods.swap;
  const swap: MethodDefinition<object, object> = {
    name,
    localName,
    kind,
    oneway,
    idempotent,
    request: type,
    response: type,
  };
  return { typeName: Vault.typeName, methods: { swap } };
}

describe('where no files can travel', () => {
  test('the call is refused by the names of field and capability, before anything is sent.', async () => {
    const { client } = await serve('tcp', {});
    using kept = file('kept');
    const error = await failure(client.swap({ inner: { file: kept } }));
    expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'UNSUPPORTED']);
    expect(error.message).toMatch(/^cannot send vault\.Parcel\.file: no open file .*handlesPerMessage/);
    expect(readFileSync(kept.value, 'utf8')).toBe('in kept');
    expect((await client.swap({ text: 'on' })).text).toBe('on');
  });

  test('a reply fails so, and so does a stream; both are closed.', async () => {
    const { client } = await serve('tcp', {
      swap: () => ({ file: file('stuck') }),
      *hand() {
        yield { file: file('stuck, too') };
      },
    });
    for (const call of [client.swap({}), client.hand({})[Symbol.asyncIterator]().next()]) {
      const error = await failure(call);
      expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'UNSUPPORTED']);
      expect(error.message).toContain('cannot send vault.Parcel.file: no open file');
    }
  });
});

test('Encoded outside a call, a handle is refused.', () => {
  using open = file('a');
  expect(Parcel.size({ file: open })).toBe(4);
  expect(() => Parcel.encode({ file: open }, Buffer.alloc(4), 0)).toThrow(
    'cannot encode a callgate.Handle: an open file travels with a call, not in bytes alone',
  );
  expect(() => Parcel.decode(Buffer.from([18, 2, 8, 1]), 0, 4)).toThrow(
    'cannot decode vault.Parcel.file: it is a handle, and those come only with calls',
  );
});

test('A method that takes a handle alone is refused with its line.', () => {
  const source = `syntax = "proto3";
import "callgate/handle.proto";
message A {}
service S {
  rpc Get(A) returns (callgate.Handle);
}`;
  expect(() => loadService({ sources: { 'a.proto': source } }, 'S')).toThrow(
    'a.proto:5: "Get" takes or gives callgate.Handle itself: make it a field of a message',
  );
});
