import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest';
import type { InterceptedCall, Interceptor } from '../channel/index.js';
import type { MessageType, ServiceDefinition } from '../codec/contract.js';
import { defineMethod, defineService } from '../codec/service.js';
import { type CallContext, offer, type Server } from '../server/index.js';
import { inprocTransport } from '../transport/inproc/index.js';
import { type Callgate, createGate } from './gate.js';
import { createKernel, type KernelOptions } from './kernel.js';
import { Echo, type Text, textType } from './testing/echo-service.js';
import { plainTransport } from './testing/plain-transport.js';
import { thrownBy } from './testing/thrown.js';
import type { Codec } from './tokens.js';

const made: AsyncDisposable[] = [];
afterEach(async () => {
  for (const thing of made.splice(0).reverse()) await thing[Symbol.asyncDispose]();
});

function gateOf(options: KernelOptions = {}): Callgate {
  return createGate(
    createKernel({ ...options, plugins: [{ transports: [inprocTransport] }, ...(options.plugins ?? [])] }),
  );
}

/** A URL that no other test has. */
const freshUrl = () => `inproc:${randomUUID()}`;

const shout = (request: Text) => ({ text: request.text.toUpperCase() });

async function serve(gate: Callgate, url?: string): Promise<readonly string[]> {
  const server = gate.createServer();
  made.push(server);
  return server.add(Echo, { echo: shout }).listen(url);
}

describe('A client and a server', () => {
  test('meet at the URL that code gives.', async () => {
    const gate = gateOf();
    const url = freshUrl();
    await serve(gate, url);
    const client = gate.createClient(Echo, url);
    made.push(client);
    expect(await client.echo({ text: 'hello' })).toEqual({ text: 'HELLO' });
  });

  test('meet where the configuration says, and at another place when one line of it is changed.', async () => {
    for (const url of [freshUrl(), freshUrl()]) {
      const gate = gateOf({ config: { services: { 'test.Echo': { url } } } });
      expect(await serve(gate)).toEqual([url]);
      const client = gate.createClient(Echo);
      made.push(client);
      expect(await client.echo({ text: 'hello' })).toEqual({ text: 'HELLO' });
      expect(client.$channel.peer?.address).toContain(url);
    }
  });

  test('wait for each other where the configuration or the method says so, unless the call does not want that.', async () => {
    const method = { ...Echo.methods.echo, waitForReady: true };
    const patient = { ...Echo, methods: { echo: method } };
    const url = freshUrl();
    const configured = gateOf({ config: { services: { 'test.Echo': { url, waitForReady: true } } } });
    const plain = gateOf();
    const clients = [configured.createClient(Echo), plain.createClient(patient, url)] as const;
    made.push(...clients);
    for (const client of clients)
      await expect(client.echo({ text: '' }, { waitForReady: false })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const calls = clients.map((client) => client.echo({ text: 'hello' }));
    await serve(plain, url);
    expect(await Promise.all(calls)).toEqual([{ text: 'HELLO' }, { text: 'HELLO' }]);
  });

  test('meet where the environment says.', async () => {
    const url = freshUrl();
    const gate = gateOf({ env: { CALLGATE_SERVICES__test_Echo__URL: url } });
    await serve(gate);
    const client = gate.createClient(Echo, { timeout: 5000 });
    made.push(client);
    expect(await client.echo({ text: 'hello' })).toEqual({ text: 'HELLO' });
  });
});

describe('The timeout of a client', () => {
  const untilCancelled = (request: Text, { signal }: CallContext) =>
    new Promise<Text>((resolve) => signal.addEventListener('abort', () => resolve(request)));
  const slow = async (gate: Callgate, url: string): Promise<void> => {
    const server = gate.createServer();
    made.push(server);
    await server.add(Echo, { echo: untilCancelled }).listen(url);
  };

  test('is the configured one.', async () => {
    const url = freshUrl();
    const gate = gateOf({ config: { services: { 'test.Echo': { url, timeout: '30ms' } } } });
    await slow(gate, url);
    const client = gate.createClient(Echo);
    made.push(client);
    await expect(client.echo({ text: 'hello' })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test('is the one that code gives, if it gives one.', async () => {
    const url = freshUrl();
    const gate = gateOf({ config: { services: { 'test.Echo': { url, timeout: 'never' } } } });
    await slow(gate, url);
    const client = gate.createClient(Echo, { timeout: 30 });
    made.push(client);
    await expect(client.echo({ text: 'hello' })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});

test('Interceptors that are plugged in run around those of one client, and on both sides.', async () => {
  const seen: string[] = [];
  const note =
    (name: string): Interceptor =>
    (call: InterceptedCall, next) => {
      seen.push(`${name} at the ${call.side}`);
      return next(call);
    };
  const gate = gateOf({ plugins: [{ interceptors: [note('plugged in')] }] });
  const url = freshUrl();
  await serve(gate, url);
  const client = gate.createClient(Echo, url, { interceptors: [note('own')] });
  made.push(client);
  await client.echo({ text: 'hello' });
  expect(seen).toEqual(['plugged in at the client', 'own at the client', 'plugged in at the server']);
});

describe('A codec that is plugged in', () => {
  /** Puts the text's bytes into the message backwards. */
  const backwards: Codec = {
    name: 'backwards',
    adapt: (service) =>
      ({
        ...service,
        methods: {
          echo: { ...service.methods.echo, request: reversed(textType), response: reversed(textType) },
        },
      }) as ServiceDefinition,
  };
  const reverse = (text: string) => [...text].reverse().join('');
  const reversed = (type: MessageType<Text>): MessageType<Text> => ({
    ...type,
    encode: (message, bytes, start) => type.encode({ text: reverse(message.text ?? '') }, bytes, start),
    decode: (bytes, start, end) => ({ text: reverse(type.decode(bytes, start, end).text) }),
  });
  const plugins = [{ codecs: [backwards] }];

  /** Listens with a server that notes what it hears. */
  const listen = async (gate: Callgate, heard: string[], codec?: string, url?: string): Promise<void> => {
    const server = gate.createServer({ ...(codec !== undefined && { codec }) });
    made.push(server);
    server.add(Echo, {
      echo: (request) => {
        heard.push(request.text);
        return request;
      },
    });
    await server.listen(url);
  };

  test('is spoken by both ends where the configuration names it.', async () => {
    const url = freshUrl();
    const gate = gateOf({ plugins, config: { services: { 'test.Echo': { url, codec: 'backwards' } } } });
    const heard: string[] = [];
    await listen(gate, heard);
    const client = gate.createClient(Echo);
    const stranger = gateOf().createClient(Echo, url);
    made.push(client, stranger);
    expect(await client.echo({ text: 'abc' })).toEqual({ text: 'abc' });
    await stranger.echo({ text: 'abc' });
    expect(heard).toEqual(['abc', 'cba']);
  });

  test('is spoken by the end whose code names it.', async () => {
    const url = freshUrl();
    const gate = gateOf({ plugins });
    const heard: string[] = [];
    await listen(gate, heard, 'backwards', url);
    const plain = gate.createClient(Echo, url);
    const same = gate.createClient(Echo, url, { codec: 'backwards' });
    made.push(plain, same);
    await plain.echo({ text: 'abc' });
    await same.echo({ text: 'abc' });
    expect(heard).toEqual(['cba', 'abc']);
  });
});

describe('A mistake', () => {
  test('of a client is told when the client is made, before anything is called.', () => {
    const gate = gateOf();
    expect(thrownBy(() => gate.createClient(Echo, 'inporc:a')).message).toBe(
      'unknown scheme "inporc:"; did you mean "inproc:"? Known schemes: inproc:',
    );
    expect(thrownBy(() => gate.createClient(Echo)).reason).toBe('BAD_CONFIG');
    expect(thrownBy(() => gate.createSyncClient(Echo, 'inproc:a', { transport: { colour: 1 } })).message).toMatch(
      /^bad options for test\.Echo at inproc:a: transport\.colour: unknown option/,
    );
    expect(thrownBy(() => gate.createClient(Echo, 'inproc:a', { codec: 'json' })).message).toContain(
      'unknown codec "json"',
    );
  });

  test('of a server is told by listen().', async () => {
    const gate = gateOf();
    const server = gate.createServer();
    made.push(server);
    await expect(server.listen()).rejects.toMatchObject({
      reason: 'BAD_CONFIG',
      message: 'there is no service yet to listen for; add one before listen(), or give listen() a URL',
    });
    server.add(Echo, { echo: shout });
    await expect(server.listen()).rejects.toMatchObject({ reason: 'BAD_CONFIG' });
    await expect(server.listen('inproc:a', { colour: 1 })).rejects.toMatchObject({ reason: 'BAD_OPTION' });
  });
});

describe('A direction', () => {
  const tell = defineMethod({ name: 'Tell', localName: 'tell', request: textType, response: textType, oneway: true });
  const ask = defineMethod({ name: 'Ask', localName: 'ask', request: textType, response: textType });
  const Log = defineService('test.Log', { tell, ask });

  async function logAt(gate: Callgate, ...where: Parameters<Server['listen']>): Promise<{ told: Promise<string> }> {
    let heard!: (text: string) => void;
    const told = new Promise<string>((resolve) => {
      heard = resolve;
    });
    const server = gate.createServer();
    made.push(server);
    await server.add(Log, { tell: ({ text }) => heard(text), ask: shout }).listen(...where);
    return { told };
  }

  test('that code gives is that of the channel, and the stub has the methods that can be called.', async () => {
    const gate = gateOf();
    const url = freshUrl();
    const { told } = await logAt(gate, url, { direction: 'receive' });
    const client = gate.createClient(Log, url, { direction: 'send' });
    made.push(client);
    expectTypeOf(client).not.toHaveProperty('ask');
    await client.tell({ text: 'hello' });
    expect(await told).toBe('hello');
    expect(Object.keys(client)).not.toContain('ask');
  });

  test('that the configuration gives holds for clients, and turned round for servers.', async () => {
    const gate = gateOf({ config: { services: { 'test.Log': { url: freshUrl(), direction: 'send' } } } });
    const { told } = await logAt(gate);
    const client = gate.createClient(Log);
    made.push(client);
    await client.tell({ text: 'hello' });
    expect(await told).toBe('hello');
    expect(client.$channel.direction).toBe('send');
    expect(() => client.ask({ text: '' })).toThrow(
      "test.Log/Ask: it is answered, and this client's channel only sends",
    );
  });

  test('that the environment gives does, too.', () => {
    const env = { CALLGATE_SERVICES__test_Log__URL: freshUrl(), CALLGATE_SERVICES__test_Log__DIRECTION: 'send' };
    const client = gateOf({ env }).createClient(Log);
    made.push(client);
    expect(client.$channel.direction).toBe('send');
  });

  test('that makes no sense is refused in words.', () => {
    const config = { services: { 'test.Log': { url: freshUrl(), direction: 'receive' as 'send' } } };
    expect(thrownBy(() => gateOf({ config })).message).toContain(
      'services.test.Log.direction: expected duplex or send (as its clients see it); found "receive"',
    );
  });

  test('that nobody gives is the one that the transport has.', () => {
    const mem = plainTransport('mem');
    const sending = { ...mem, capabilities: { ...mem.capabilities, directions: ['send'] as const } };
    const gate = createGate(createKernel({ plugins: [{ transports: [sending] }] }));
    const client = gate.createClient(Log, 'mem:a');
    made.push(client);
    expect(client.$channel.direction).toBe('send');
    // The types know nothing of what a URL's transport can do.
    expect(() => client.ask({ text: '' })).toThrow(
      "test.Log/Ask: it is answered, and this client's channel only sends (direction: send); use a duplex channel, or make the method one-way",
    );
    expect(thrownBy(() => gate.createClient(Log, 'mem:a', { direction: 'duplex' })).message).toBe(
      "mem:a: the mem: transport can't connect with direction duplex; it can with send (capability directions)",
    );
  });

  test('that the transport has not is refused when the client is made, naming the capability.', () => {
    const gate = createGate(createKernel({ plugins: [{ transports: [plainTransport('mem')] }] }));
    const error = thrownBy(() => gate.createClient(Log, 'mem:a', { direction: 'send' }));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED' });
    expect(error.message).toContain('(capability directions)');
  });
});

describe('What can be made nothing of', () => {
  const url = 'inproc:never';
  test.each<[string, (gate: Callgate) => unknown, string]>([
    ['a service', (gate) => gate.createServer().add(undefined as never, {} as never), 'expected a service definition'],
    ['settings of a server', (gate) => gate.createServer(5 as never), 'expected an object of options, found 5'],
    ['settings of a client', (gate) => gate.createClient(Echo, url, null as never), 'expected an object of options'],
    [
      'interceptors',
      (gate) => gate.createClient(Echo, url, { interceptors: (() => undefined) as never }),
      'interceptors: expected an array of functions, found a function',
    ],
    [
      'offers',
      (gate) => gate.createClient(Echo, url, { offers: offer(Echo, { echo: shout }) as never }),
      'offers: expected an array of what offer(service, handlers) gives',
    ],
    [
      'an offer',
      (gate) => gate.createClient(Echo, url, { offers: [offer(Echo, { echo: shout }), { echo: shout } as never] }),
      'offers[1]: expected what offer(service, handlers) gives',
    ],
  ])('is refused in words: %s.', (_, make, words) => {
    const thrown = thrownBy(() => make(gateOf()));
    expect(thrown).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'BAD_OPTION' });
    expect((thrown as Error).message).toContain(words);
  });
});
