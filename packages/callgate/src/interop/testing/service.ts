/** The handlers of the interop suite, for a server that runs them itself, and for the workers of one that has a pool. */
import { setTimeout } from 'node:timers/promises';
import { type CallContext, type Handlers, implement, type MessageInit, RpcError, type RpcStream } from '../../index.js';
import { type OutputReply, type OutputRequest, type Status, Test } from './gen/interop.js';

const ECHO_HEADER = 'x-interop-echo-initial';
const ECHO_TRAILER = 'x-interop-echo-trailing-bin';

let stopped = 0;
let running = 0;

/** Says what was said, and listens for the caller to give up. */
function attend(context: CallContext): void {
  const header = context.metadata.get(ECHO_HEADER);
  const trailer = context.metadata.get(ECHO_TRAILER);
  if (header !== undefined) context.headers.set(ECHO_HEADER, header);
  if (trailer !== undefined) context.trailers.set(ECHO_TRAILER, trailer);
  context.signal.addEventListener('abort', () => {
    stopped++;
  });
}

/** Gives the messages of a stream, and counts the handler of its call until it is done. */
async function* counted<T>(messages: AsyncGenerator<T>): AsyncGenerator<T> {
  running++;
  try {
    yield* messages;
  } finally {
    running--;
  }
}

function failIfAsked(status: Status | undefined): void {
  if (status !== undefined) throw new RpcError(status.code as 'ABORTED', status.message);
}

const { unimplemented: _, ...methods } = Test.methods;
export const served = { typeName: Test.typeName, methods };

export default implement(served, {
  emptyCall: () => ({}),
  unaryCall({ replyBytes, status }, context) {
    attend(context);
    failIfAsked(status);
    return { payload: new Uint8Array(replyBytes) };
  },
  async streamingInput(requests, context) {
    attend(context);
    running++;
    try {
      let bytes = 0;
      for await (const { payload } of requests) bytes += payload.length;
      return { bytes };
    } finally {
      running--;
    }
  },
  streamingOutput: (request, context) => counted(output(request, context)),
  fullDuplex: (requests, context) => counted(duplex(requests, context)),
  aftermath() {
    const before = stopped;
    stopped = 0;
    return { stopped: before, running };
  },
} satisfies Handlers<typeof served>);

async function* output(
  { replyBytes, intervalMs, status }: OutputRequest,
  context: CallContext,
): AsyncGenerator<MessageInit<OutputReply>> {
  attend(context);
  for (const bytes of replyBytes) {
    if (intervalMs > 0) await setTimeout(intervalMs, undefined, { signal: context.signal });
    yield { payload: new Uint8Array(bytes) };
  }
  failIfAsked(status);
}

async function* duplex(
  requests: RpcStream<OutputRequest>,
  context: CallContext,
): AsyncGenerator<MessageInit<OutputReply>> {
  attend(context);
  for await (const { replyBytes, intervalMs, status } of requests) {
    for (const bytes of replyBytes) {
      if (intervalMs > 0) await setTimeout(intervalMs, undefined, { signal: context.signal });
      yield { payload: new Uint8Array(bytes) };
    }
    failIfAsked(status);
  }
}
