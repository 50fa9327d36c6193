// Metadata, errors and interceptors in one program: who may ask is told by metadata, an interceptor of the server checks
// it, one of the client brings it along, and shipped ones log and try again.
import { retry } from '@callgate/interceptors';
import { createClient, createServer, defineError, type Interceptor, observeCall, RpcError } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const NobodyKnown = defineError({ name: 'NobodyKnown', code: 'NOT_FOUND', reason: 'NOBODY_KNOWN' });

/** At the server: refuses who brings no token, and says who looked. */
const authenticate: Interceptor = (call, next) => {
  const token = call.metadata.get('token');
  if (token !== 'sesame') throw new RpcError('UNAUTHENTICATED', 'bring a token', { reason: 'NO_TOKEN' });
  call.context?.headers.set('checked-by', 'the porter');
  return next(call);
};

/** At the client: brings the token along. */
const bringToken: Interceptor = (call, next) => {
  call.metadata.set('token', 'sesame');
  return next(call);
};

/** At the client: writes down how calls end, whatever their kind. */
const note: Interceptor = (call, next) =>
  observeCall(() => next(call), {
    onEnd: (error) => console.log(`${call.path}: ${error === undefined ? 'fine' : String(error)}`),
  });

let busy = 2;
const server = createServer({ interceptors: [authenticate] });
server.add(Greeter, {
  greet({ name }, { trailers }) {
    trailers.set('busy', String(busy));
    if (busy-- > 0) throw new RpcError('UNAVAILABLE', 'busy', { retryAfterMs: 1 });
    if (name === '') throw new NobodyKnown('I know nobody without a name', { cause: new Error('the name is empty') });
    return { greeting: `Hello, ${name}!` };
  },
});
const url = `unix:interceptors-${process.pid}`;
await server.listen(url);

// Its .proto does not say that Greet is idempotent, so that `retry` alone would not repeat it: here we know better.
const idempotent: Interceptor = (call, next) => next({ ...call, method: { ...call.method, idempotent: true } });

const stranger = createClient(Greeter, url, { interceptors: [note] });
await stranger.greet({ name: 'Mallory' }).catch(() => undefined);

const friend = createClient(Greeter, url, { interceptors: [note, bringToken, idempotent, retry()] });
const { greeting } = await friend.greet(
  { name: 'Ada' },
  { onHeaders: (headers) => console.log(`headers: ${headers.get('checked-by')}`) },
);
console.log(greeting);

try {
  await friend.greet({ name: '' });
} catch (error) {
  if (!(error instanceof NobodyKnown)) throw error;
  console.log(error.name, error.reason, (error.cause as Error).message, error.metadata?.get('busy'));
}

await stranger.$close();
await friend.$close();
await server.close();
