/** Who is let in and who is not, and the words for it on both sides. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { createInterface } from 'node:readline';
import { RpcError } from '@callgate/core/errors';
import { type Link, parseAddress, type TransportOptions } from '@callgate/core/transport';
import { afterEach, expect, it } from 'vitest';
import { tcpTransport, tlsTransport } from '../index.js';
import { type CertificateName, certificates, pathOf } from './testing/certificates.js';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const soon = (): number => performance.now() + 10_000;
const ca = pathOf('authority.pem');

interface Server {
  readonly url: string;
  readonly port: number;
  readonly links: Link[];
  readonly errors: RpcError[];
}

async function listen(transport = tlsTransport, options: TransportOptions = certificates('server')): Promise<Server> {
  const links: Link[] = [];
  const errors: RpcError[] = [];
  const url = `${transport.scheme}:127.0.0.1:0`;
  const listener = await transport.listen(
    parseAddress(url),
    options,
    (link) => links.push(link),
    (error) => errors.push(error),
  );
  endings.push(async () => {
    await listener.close();
    for (const link of links) link.abort();
  });
  return { url: listener.url, port: Number(listener.url.split(':').at(-1)), links, errors };
}

async function connect(url: string, options: TransportOptions = { ca }, transport = tlsTransport): Promise<Link> {
  const link = await transport.connect(parseAddress(url), options, soon());
  endings.push(() => link.abort());
  return link;
}

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (RpcError.is(error)) return error;
  throw error;
}

async function heard(server: Server): Promise<RpcError> {
  await expect.poll(() => server.errors.length, { timeout: 10_000 }).toBe(1);
  expect(server.links).toEqual([]);
  return server.errors[0]!;
}

const told = ({ code, reason }: RpcError): string => `${code} (${reason})`;
const BAD = 'UNAUTHENTICATED (BAD_CERTIFICATE)';

it('tells each side whose certificate it has verified', async () => {
  const server = await listen(tlsTransport, { ...certificates('server'), requestCert: true });
  const link = await connect(server.url, certificates('client'));
  await expect.poll(() => server.links.length, { timeout: 10_000 }).toBe(1);
  expect(link.peer).toMatchObject({
    address: server.url,
    certificate: {
      subject: 'CN=Server, O=Callgate tests',
      issuer: 'CN=Authority, O=Callgate tests',
      names: 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    },
  });
  expect(server.links[0]!.peer.address).toMatch(/^tls:\/\/127\.0\.0\.1:\d+$/);
  expect(server.links[0]!.peer.certificate?.subject).toBe('CN=Client, O=Callgate tests');
  expect(server.links[0]!.peer.certificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
});

it('asks no client for a certificate unless told to, and then claims to know none', async () => {
  const server = await listen();
  await connect(server.url, certificates('client'));
  await connect(server.url.replace('127.0.0.1', 'localhost'));
  await expect.poll(() => server.links.length, { timeout: 10_000 }).toBe(2);
  expect(server.links.map(({ peer }) => peer.certificate)).toEqual([undefined, undefined]);
});

it('takes certificates as text as well as from files', async () => {
  const inText = Object.fromEntries(
    Object.entries(certificates('server')).map(([name, path]) => [name, readFileSync(path, 'utf8')]),
  );
  const server = await listen(tlsTransport, inText);
  const link = await connect(server.url, { ca: [readFileSync(ca, 'utf8'), pathOf('self-signed.pem')] });
  expect(link.peer.certificate?.subject).toBe('CN=Server, O=Callgate tests');
});

it.each<[CertificateName, string]>([
  ['expired', 'has expired, on Jan  1 00:00:00 2021 GMT'],
  ['self-signed', 'is self-signed, and itself not among the authorities in `ca`'],
  ['stranger', 'its authority is not among those in `ca` (it was issued by CN=Other authority, O=Callgate tests)'],
  ['elsewhere', 'it is for another host: DNS:elsewhere.example'],
])('refuses a server whose certificate is %s, and tells both sides', async (name, words) => {
  const server = await listen(tlsTransport, certificates(name));
  const error = await failure(connect(server.url));
  expect(told(error)).toBe(BAD);
  expect(error.message).toContain(`the certificate of the server at ${server.url} (CN=`);
  expect(error.message).toContain(words);
  const there = await heard(server);
  expect([told(there), there.message]).toEqual([BAD, error.message]);
});

it('trusts, unless told otherwise, none but public authorities', async () => {
  const server = await listen();
  expect(told(await failure(connect(server.url, {})))).toBe(BAD);
});

it('takes a certificate for another name if that is the name that it was told to expect', async () => {
  const server = await listen(tlsTransport, certificates('elsewhere'));
  const link = await connect(server.url, { ca, servername: 'elsewhere.example' });
  expect(link.peer.certificate?.names).toBe('DNS:elsewhere.example');
  const error = await failure(connect(server.url, { ca, servername: 'nowhere.example' }));
  expect(error.message).toContain('it is for another host: DNS:elsewhere.example');
});

it.each<[string, TransportOptions, string]>([
  ['none', { ca }, 'showed no certificate, and the server at tls://'],
  ['an expired one', certificates('expired'), 'has expired, on Jan  1 00:00:00 2021 GMT'],
  ['a self-signed one', certificates('self-signed'), 'is self-signed'],
  ['one by a stranger', certificates('stranger'), 'its authority is not among those in `ca`'],
  ['one that is for servers', certificates('elsewhere'), 'it is not meant for this side of a connection'],
])(
  'refuses a client that shows %s where a certificate is asked for, and tells both sides',
  async (_, options, words) => {
    const server = await listen(tlsTransport, { ...certificates('server'), requestCert: true });
    // Twice: what the first attempt left behind must not open the door.
    for (let i = 0; i < 2; i++) {
      const error = await failure(connect(server.url, options));
      expect(told(error)).toBe(BAD);
      expect(error.message).toContain('the client at tls://127.0.0.1:');
      expect(error.message).toContain(words);
      const there = await heard(server);
      expect([told(there), there.message]).toEqual([BAD, error.message]);
      server.errors.splice(0);
    }
  },
);

it('refuses, and is refused by, a server that does not speak TLS', async () => {
  const server = await listen(tcpTransport, {});
  const error = await failure(connect(server.url.replace('tcp', 'tls')));
  expect(told(error)).toBe('DATA_LOSS (PROTOCOL_VIOLATION)');
  expect(error.message).toMatch(/^the server at tls:\/\/.* does not speak TLS: .*is it a tcp: address\?/);
  expect((await heard(server)).message).toMatch(/does not speak Callgate: it began with 16 03 .*which is TLS/);
});

it('refuses, and is refused by, a client that does not speak TLS', async () => {
  const server = await listen();
  const error = await failure(connect(server.url.replace('tls', 'tcp'), {}, tcpTransport));
  expect(told(error)).toBe('DATA_LOSS (PROTOCOL_VIOLATION)');
  expect(error.message).toMatch(/^the client at tls:.* does not speak TLS, which .* asks for: use a tls: address$/);
  const there = await heard(server);
  expect([told(there), there.message]).toEqual([told(error), error.message]);
});

it('refuses an HTTP client, and serves others meanwhile and afterwards', async () => {
  const server = await listen();
  const http = dial(server.port, '127.0.0.1', () => http.write('GET / HTTP/1.1\r\nHost: geo\r\n\r\n'));
  http.on('error', () => undefined).resume();
  expect((await heard(server)).message).toContain('does not speak TLS');
  await connect(server.url);
});

it('is not held up by who connects and says nothing, and says who goes in the middle of the handshake', async () => {
  const server = await listen();
  const silent = dial(server.port, '127.0.0.1');
  await once(silent, 'connect');
  await connect(server.url);
  silent.destroy();
  await expect.poll(() => server.errors.length, { timeout: 10_000 }).toBe(1);
  expect(told(server.errors[0]!)).toBe('UNAVAILABLE (PEER_DIED)');
  expect(server.errors[0]!.message).toContain('ended the connection before the TLS handshake');
});

it('gives up on a server that accepts and says nothing, at the deadline', async () => {
  const mute = createServer((socket) => void endings.push(() => socket.destroy())).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  endings.push(() => mute.close());
  const url = `tls:127.0.0.1:${(mute.address() as AddressInfo).port}`;
  const error = await failure(tlsTransport.connect(parseAddress(url), { ca }, performance.now() + 50));
  expect(told(error)).toBe('DEADLINE_EXCEEDED (DEADLINE)');
});

it('says which option is wrong, and never prints a key', async () => {
  const at = (options: TransportOptions) =>
    failure(tlsTransport.listen(parseAddress('tls:0'), options, () => undefined));
  const { cert, key } = certificates('server');
  const none = await at({});
  expect(told(none)).toBe('INVALID_ARGUMENT (BAD_OPTION)');
  expect(none.message).toContain('cert: a server shows a certificate');
  expect((await at({ cert })).message).toContain('key: expected the private key of `cert`, found none');
  expect((await at({ cert, key, requestCert: true })).message).toContain('ca: expected the authorities');
  expect((await at({ cert: '/nowhere.pem', key })).message).toContain('cert: cannot read /nowhere.pem: ENOENT');
  expect((await at({ cert: pathOf('leaf.key').replace('leaf.key', 'make.sh'), key })).message).toContain('no PEM file');
  expect((await at({ cert: ca, key })).message).toContain('cert, key: not usable');
  const text = readFileSync(key, 'utf8');
  const shown = await at({ cert, key: [text] } as TransportOptions);
  expect(shown.message).toContain('key: expected PEM text');
  expect(shown.message).not.toContain(text.split('\n')[1]);
});

it('says that it has no credentials', async () => {
  const options = { ...certificates('server'), allow: { uid: 0 } };
  const error = await failure(tlsTransport.listen(parseAddress('tls:0'), options, () => undefined));
  expect(told(error)).toBe('FAILED_PRECONDITION (UNSUPPORTED)');
});

const prelude = `
import socket, ssl, struct, sys
folder = sys.argv[2]
hello = b"\\xcaGS\\x01" + struct.pack("<I", 1000)
def exactly(s, n):
    found = b""
    while len(found) < n: found += s.recv(n - len(found)) or sys.exit("the end")
    return found
def client(**limits):
    c = ssl.create_default_context(cafile=folder + "authority.pem")
    c.load_cert_chain(folder + "client.pem", folder + "leaf.key")
    c.set_ciphers("DEFAULT:@SECLEVEL=0")
    for name, value in limits.items(): setattr(c, name, value)
    return c.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost")
`;

interface Python {
  line(): Promise<string>;
}

/** Another implementation of TLS, and of what is said over it. */
function python(code: string, port = 0): Python {
  const folder = pathOf('authority.pem').replace('authority.pem', '');
  const child = spawn('python3', ['-W', 'ignore', '-c', prelude + code, String(port), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'close');
  endings.push(() => {
    child.kill('SIGKILL');
    return exited;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { line: async () => String((await lines.next()).value) };
}

it.each(['TLSv1_2', 'TLSv1_3'])('speaks %s with a Python program that shows its certificate', async (version) => {
  const server = await listen(tlsTransport, { ...certificates('server'), requestCert: true });
  const other = python(
    `
s = client(minimum_version=ssl.TLSVersion.${version}, maximum_version=ssl.TLSVersion.${version})
s.sendall(hello + struct.pack("<I", 5) + b"hello")
exactly(s, 8)
length = struct.unpack("<I", exactly(s, 4))[0]
print(s.version(), exactly(s, length).decode(), flush=True)
input()`,
    server.port,
  );
  await expect.poll(() => server.links.length, { timeout: 10_000 }).toBe(1);
  const link = server.links[0]!;
  expect(link.peer.certificate?.subject).toBe('CN=Client, O=Callgate tests');
  expect(await link.whenReadable(soon())).toBe(true);
  const { bytes, start, end } = link.receive()!;
  expect(bytes.toString('latin1', start, end)).toBe('hello');
  link.release();
  const span = link.claim(2)!;
  span.bytes.write('ok', span.start);
  link.commit(2);
  link.flush();
  expect(await other.line()).toBe(`${version.replace('_', '.')} ok`);
});

it('refuses a Python program that speaks nothing newer than TLS 1.1', async () => {
  const server = await listen();
  const other = python(
    `
try: client(minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1)
except ssl.SSLError as error: print(error.reason, flush=True)`,
    server.port,
  );
  expect(await other.line()).toMatch(/ALERT_PROTOCOL_VERSION/);
  expect(told(await heard(server))).toBe('FAILED_PRECONDITION (VERSION_MISMATCH)');
});

it('says that a server which is not of its kind wants a certificate', async () => {
  const other = python(`
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(folder + "server.pem", folder + "leaf.key")
c.load_verify_locations(folder + "authority.pem"); c.verify_mode = ssl.CERT_REQUIRED
l = socket.create_server(("127.0.0.1", 0)); print(l.getsockname()[1], flush=True)
for _ in range(2):
    s, _ = l.accept()
    t = c.wrap_socket(s, server_side=True, do_handshake_on_connect=False)
    try: t.do_handshake(); t.sendall(hello)
    except ssl.SSLError as error: print(error.reason, flush=True); kept = t
input()`);
  const url = `tls:127.0.0.1:${await other.line()}`;
  const error = await failure(connect(url));
  expect(await other.line()).toBe('PEER_DID_NOT_RETURN_A_CERTIFICATE');
  expect(told(error)).toBe(BAD);
  expect(error.message).toContain(`the server at ${url} refused this side: by its certificate`);
  const link = await connect(url, certificates('client'));
  expect(link.peer.certificate?.subject).toBe('CN=Server, O=Callgate tests');
});
