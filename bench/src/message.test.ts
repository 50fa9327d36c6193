import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadGrpcService } from './grpc.js';
import { checkWholly, greet, greetings, nextRequest, replyBytes, requestBytes } from './message.js';

const proto = fileURLToPath(new URL('../proto/greeter.proto', import.meta.url));

test('the bare mechanisms move as many bytes as the encoded messages have', () => {
  const { Greet } = loadGrpcService(proto, 'bench.Greeter').service;
  const request = nextRequest();
  expect(Greet!.requestSerialize(request).length).toBe(requestBytes);
  expect(Greet!.responseSerialize(greet(request)).length).toBe(replyBytes);
});

test('ids differ among calls in flight', () => {
  const ids = Array.from({ length: 1000 }, () => nextRequest().id);
  expect(new Set(ids).size).toBe(1000);
});

test('a wrong reply is noticed', () => {
  const request = nextRequest();
  const reply = greet(request);
  expect(() => checkWholly(request, reply)).not.toThrow();
  expect(() => checkWholly(request, { ...reply, greeting: 'Goodbye' })).toThrow('wrong reply');
  expect(() => checkWholly(request, { ...reply, data: new Uint8Array(40) })).toThrow('wrong reply');
  expect(() => greetings.check(request, { ...reply, id: request.id + 1 })).toThrow('wrong reply');
});
