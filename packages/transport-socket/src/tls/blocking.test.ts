/** Threads that block over TLS: what they hear, and that they leave nothing behind. Who blocks does so in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RpcError } from '@callgate/core/errors';
import { type Link, type LinkEnd, parseAddress, type Transport, type TransportOptions } from '@callgate/core/transport';
import { afterEach, expect, it } from 'vitest';
import { tcpTransport, tlsTransport } from '../index.js';
import type { Job } from './testing/blocking.child.js';
import { type CertificateName, certificates, pathOf } from './testing/certificates.js';

const program = fileURLToPath(new URL('./testing/blocking.child.js', import.meta.url));
const ca = pathOf('authority.pem');
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function listen(
  onLink: (link: Link) => void,
  options: TransportOptions = certificates('server'),
  transport: Transport = tlsTransport,
): Promise<string> {
  const accept = (link: Link): void => {
    endings.push(() => link.abort());
    onLink(link);
  };
  const listener = await transport.listen(parseAddress(`${transport.scheme}:127.0.0.1:0`), options, accept);
  endings.push(() => listener.close());
  return listener.url;
}

/** What a process printed, or the code with which it ended. */
async function run(task: Job['task'], url: string, options: TransportOptions = { ca }): Promise<unknown> {
  const args = [program, JSON.stringify({ task, url, options } satisfies Job)];
  const running = promisify(execFile)(process.execPath, args, { timeout: 20_000, killSignal: 'SIGKILL' });
  return running.then(
    ({ stdout }) => JSON.parse(stdout),
    (error: { code?: unknown; stderr?: string }) => {
      if (typeof error.code === 'number' && error.stderr === '') return error.code;
      throw error;
    },
  );
}

/** What connecting fails with when it is awaited, in words that do not say from which port. */
async function awaited(url: string, options: TransportOptions): Promise<unknown> {
  const error = await tlsTransport.connect(parseAddress(url), options, performance.now() + 10_000).then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown as RpcError,
  );
  return { error: { code: error.code, reason: error.reason, message: withoutCaller(error.message) } };
}

function withoutCaller(message: string): string {
  return message.replace(/client at tls:\/\/127\.0\.0\.1:\d+/, 'client');
}

const mistakes: readonly [string, CertificateName, TransportOptions, TransportOptions][] = [
  ['an expired certificate', 'expired', {}, { ca }],
  ['a certificate for another host', 'elsewhere', {}, { ca }],
  ['a self-signed certificate', 'self-signed', {}, { ca }],
  ['no certificate of its own where one is asked for', 'server', { requestCert: true }, { ca }],
  ['a file that is not there', 'server', {}, { ca: '/nowhere.pem' }],
];

it.each(mistakes)('tells who blocks of %s in the words for who awaits', async (_, shown, asks, options) => {
  const url = await listen(() => undefined, { ...certificates(shown), ...asks });
  const found = (await run('connect', url, options)) as { error: { message: string } };
  expect({ error: { ...found.error, message: withoutCaller(found.error.message) } }).toEqual(
    await awaited(url, options),
  );
  expect(found.error).toHaveProperty('code', options.ca === ca ? 'UNAUTHENTICATED' : 'INVALID_ARGUMENT');
});

it('tells who blocks that the server speaks clear text, and that nobody is there', async () => {
  const url = (await listen(() => undefined, {}, tcpTransport)).replace('tcp', 'tls');
  expect(await run('connect', url)).toMatchObject({ error: { code: 'DATA_LOSS', reason: 'PROTOCOL_VIOLATION' } });
  expect(await run('connect', 'tls:127.0.0.1:1')).toMatchObject({
    error: { code: 'UNAVAILABLE', reason: 'UNREACHABLE', message: expect.stringContaining('is the server running?') },
  });
});

it('shows who blocks the verified certificate; a process with an idle link ends by itself', async () => {
  const url = await listen(() => undefined);
  expect(await run('connect', url)).toMatchObject({
    peer: { address: url, certificate: { subject: 'CN=Server, O=Callgate tests' } },
  });
});

it('has everything with the system when closeSync returns, whatever becomes of the process', async () => {
  let received = 0;
  const ended = new Promise<LinkEnd>((resolve) => {
    void listen(async (link) => {
      while (link.end === undefined) {
        await link.whenReadable(Number.POSITIVE_INFINITY);
        for (let span = link.receive(); span !== null; span = link.receive()) {
          expect(span.bytes.toString('latin1', span.start, span.end)).toBe(`message ${received++}`);
          link.release();
        }
      }
      resolve(link.end);
    }).then(async (url) => expect(await run('leave', url)).toBe(7));
  });
  expect((await ended).orderly).toBe(true);
  expect(received).toBe(100);
});

it('leaves no thread and no descriptor behind, however links end', async () => {
  const url = await listen(async (link) => {
    while (link.end === undefined) {
      await link.whenReadable(Number.POSITIVE_INFINITY);
      for (let span = link.receive(); span !== null; span = link.receive()) {
        const room = link.claim(span.end - span.start)!;
        span.bytes.copy(room.bytes, room.start, span.start, span.end);
        link.release();
        link.commit(room.end - room.start);
        link.flush();
      }
    }
  });
  const { before, after } = (await run('again', url)) as Record<'before' | 'after', number[]>;
  expect(after.map((count, i) => count <= before[i]!)).toEqual([true, true]);
});

it.each([false, true])('refuses to block for a server of its own thread (blocking: %s)', async (blocking) => {
  const url = await listen(() => undefined, { ...certificates('server'), blocking });
  const connect = () => tlsTransport.connectSync(parseAddress(url), { ca }, performance.now() + 10_000);
  expect(connect).toThrow(/is served by this very thread/);
});

it('says, where a link was opened by awaiting, what it takes to block', async () => {
  const accepted: Link[] = [];
  const url = await listen((link) => accepted.push(link));
  const link = await tlsTransport.connect(parseAddress(url), { ca }, performance.now() + 10_000);
  endings.push(() => link.abort());
  await expect.poll(() => accepted.length).toBe(1);
  for (const end of [link, accepted[0]!]) {
    expect(() => end.waitReadable(0)).toThrow(
      /\(capability: blocking\); .*, or open the link with the option `blocking: true` of the tls: transport$/,
    );
  }
});

it('refuses a wrong option when told to block, too', () => {
  const connect = () => tlsTransport.connectSync(parseAddress('tls:7000'), { blocking: 1 }, performance.now() + 1000);
  expect(connect).toThrow(RpcError);
  expect(connect).toThrow(/blocking: expected/);
});
