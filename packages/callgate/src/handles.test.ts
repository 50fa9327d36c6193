import { mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CallContext, createClient, createServer, type Handle, handleOf, RpcError } from './index.js';
import { Echo, type Text } from './testing/echo.js';
import { cleanEnvironment, runNode } from './testing/run.js';

let folder: string;
let endings: (() => unknown)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-handles-'));
  endings = [];
});
afterEach(async () => {
  await expect.poll(openFiles, { timeout: 10_000 }).toEqual([]);
  for (const end of endings.reverse()) await end();
  rmSync(folder, { recursive: true });
});

type Shout = (request: Text, context: CallContext) => Text | Promise<Text>;

async function serve(scheme: string, shout: Shout) {
  const server = createServer({ onError: () => undefined });
  server.add(Echo, { shout });
  const [url = ''] = await server.listen(scheme === 'tcp' ? 'tcp:127.0.0.1:0' : `${scheme}:${join(folder, 'echo')}`);
  const client = createClient(Echo, url);
  endings.push(
    () => server.close(),
    () => client.$close(),
  );
  return { url, client };
}

function file(name: string): Handle {
  writeFileSync(join(folder, name), `in ${name}`);
  return handleOf(openSync(join(folder, name), 'r'));
}

function readAll(handles: readonly Handle[]): string {
  return handles
    .map((handle) => {
      using open = handle;
      return readFileSync(open.value, 'utf8');
    })
    .join(', ');
}

/** Names of files of the folder that this process has open. */
function openFiles(): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith(`${folder}/`));
}

async function failure(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (RpcError.is(error)) return error;
  throw error;
}

describe.each(['unix', 'shm'])('%s:', (scheme) => {
  test('A call takes open files along, and its reply brings others back.', async () => {
    const { client } = await serve(scheme, (_, context) => {
      const text = readAll(context.takeHandles());
      context.giveHandles([file('c'), file('d')]);
      return { text };
    });
    const handles = [file('a'), file('b')];
    const handlesInto: Handle[] = [];
    expect(await client.shout({ text: '' }, { handles, handlesInto })).toEqual({ text: 'in a, in b' });
    expect(handles.map(({ value }) => value)).toEqual([-1, -1]);
    expect(readAll(handlesInto)).toBe('in c, in d');
  });

  test('Each of many calls at once keeps its own.', async () => {
    const { client } = await serve(scheme, async ({ text }, context) => {
      await setTimeout(Number(text) % 3);
      const received = context.takeHandles();
      if (received.length > 0) context.giveHandles([file(`reply-${text}`)]);
      return { text: readAll(received) };
    });
    const calls = Array.from({ length: 200 }, async (_, i) => {
      const handlesInto: Handle[] = [];
      const handles = i % 3 === 0 ? [] : [file(`${i}`)];
      const { text } = await client.shout({ text: `${i}` }, { handles, handlesInto });
      expect([text, readAll(handlesInto)]).toEqual(i % 3 === 0 ? ['', ''] : [`in ${i}`, `in reply-${i}`]);
    });
    await Promise.all(calls);
  });

  test('A blocking call in another process takes files along, too.', async () => {
    const { url } = await serve(scheme, (_, context) => {
      const text = readAll(context.takeHandles());
      context.giveHandles([file('back')]);
      return { text };
    });
    writeFileSync(join(folder, 'there'), 'in there');
    const program = new URL('./testing/files.child.js', import.meta.url);
    expect(await runNode(program, [url, join(folder, 'there')], { env: cleanEnvironment() })).toEqual({
      code: 0,
      signal: null,
      stdout: 'in there -1 in back\n',
      stderr: '',
    });
  });

  test('What nobody takes is closed, on both sides.', async () => {
    const { client } = await serve(scheme, ({ text }, context) => {
      context.giveHandles([file('unasked')]);
      return { text };
    });
    expect(await client.shout({ text: 'done' }, { handles: [file('untaken')] })).toEqual({ text: 'done' });
  });

  test('Those of a handler that fails, of one that is cancelled, and of a call that waits in vain are closed.', async () => {
    const { client } = await serve(scheme, async ({ text }, context) => {
      context.giveHandles([file(`${text}-reply`)]);
      if (text === 'fails') throw new RpcError('ABORTED', 'on purpose');
      await new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(new Error('stopped'))));
      return { text };
    });
    expect((await failure(client.shout({ text: 'fails' }, { handles: [file('a')] }))).code).toBe('ABORTED');
    const late = client.shout({ text: 'late' }, { handles: [file('b')], timeout: 50 });
    expect((await failure(late)).code).toBe('DEADLINE_EXCEEDED');
  });
});

test('Over a mechanism that carries none, the call is refused by the name of the capability, and they stay open.', async () => {
  const { client } = await serve('tcp', (request) => request);
  using handle = file('kept');
  const error = await failure(client.shout({ text: '' }, { handles: [handle] }));
  expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'UNSUPPORTED']);
  expect(error.message).toContain('handlesPerMessage');
  expect(readFileSync(handle.value, 'utf8')).toBe('in kept');
  expect(await client.shout({ text: 'on' })).toEqual({ text: 'on' });
});

test('A reply that cannot take them along fails for the caller, by the name of the capability.', async () => {
  const { client } = await serve('tcp', (request, context) => {
    context.giveHandles([file('stuck')]);
    return request;
  });
  const error = await failure(client.shout({ text: '' }));
  expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'UNSUPPORTED']);
  expect(error.message).toContain("test.Echo/Shout: the handler's reply can't be sent");
});
