import type { Dialogue } from './timing.js';

/** The one message of every benchmark, as `proto/greeter.proto` states it. */
export interface GreetRequest {
  name: string;
  id: number;
  data: Uint8Array;
}

export interface GreetReply {
  greeting: string;
  id: number;
  data: Uint8Array;
}

/** Bytes of the encoded messages below: what the bare mechanisms move. A test holds them against the .proto file. */
export const requestBytes = 60;
export const replyBytes = 67;

const name = 'Ada Lovelace';
// Memory of its own: a view of a larger buffer would make structured cloning copy all of that.
const data = new Uint8Array(40).map((_, i) => i * 5);

/** Ids differ among calls in flight (65,536 of them) and all take three bytes as a varint. */
const firstId = 1 << 16;
let next = 0;

/** A fresh request, with an id that no other call in flight has. */
export function nextRequest(): GreetRequest {
  const id = firstId + next;
  next = (next + 1) & 0xffff;
  return { name, id, data };
}

/** What every server answers. */
export function greet(request: GreetRequest): GreetReply {
  return { greeting: `Hello, ${request.name}`, id: request.id, data: request.data };
}

/** What every server streams. */
export function* chunksOf({ chunks, bytes }: { chunks: number; bytes: number }) {
  const data = new Uint8Array(bytes);
  for (let id = 0; id < chunks; id++) yield { id, data };
}

/** What is said with so many bytes in each request, which come back. */
export function bulkGreetings(bytes: number): Dialogue<GreetRequest, GreetReply> {
  const bulk = new Uint8Array(bytes).map((_, i) => i);
  return {
    request: () => ({ ...nextRequest(), data: bulk }),
    check(request, reply) {
      const same = reply.data.length === bytes && (bytes === 0 || reply.data[bytes - 1] === bulk[bytes - 1]);
      if (!same || reply.id !== request.id) throw new Error(`wrong reply of ${reply.data.length} bytes`);
    },
  };
}

/** Throws unless a reply is exactly the one that the request deserves. */
export function checkWholly(request: GreetRequest, reply: GreetReply): void {
  const expected = greet(request);
  const right = reply.greeting === expected.greeting && Buffer.compare(reply.data, expected.data) === 0;
  if (!right || reply.id !== expected.id) throw wrong(request, reply);
}

/** What is said in every scenario; replies are checked by what differs among them. */
export const greetings: Dialogue<GreetRequest, GreetReply> = {
  request: nextRequest,
  check(request, reply) {
    if (reply.id !== request.id || reply.data.length !== data.length) throw wrong(request, reply);
  },
};

function wrong(request: GreetRequest, reply: GreetReply): Error {
  return new Error(`wrong reply: ${JSON.stringify(reply)} to ${JSON.stringify(request)}`);
}
