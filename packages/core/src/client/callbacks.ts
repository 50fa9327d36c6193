import { type Callbacks, type Channel, type Interceptor, noteThread } from '../channel/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { LinkEnd } from '../transport/contract.js';
import { AsyncCaller, unintercepted } from './async-client.js';
import { CallsInFlight } from './calls-in-flight.js';
import { Connectivity, type OpenChannel, type Way } from './connection/index.js';
import { intercepted } from './intercept.js';
import { bindMethods } from './method-ids.js';
import { type CallbackOptions, resolveClientOptions } from './options.js';
import { type Client, clientChannel, stubMethods, stubObject } from './stub.js';

export interface CallbacksOptions {
  /** The service as both sides speak it. */
  readonly speak: <S extends ServiceDefinition>(service: S) => S;
  readonly interceptors: (service: ServiceDefinition) => readonly Interceptor[];
  /** Where several threads call over one channel: the first and the last of this one's call ids. @default all */
  readonly ids?: readonly [first: number, last: number] | undefined;
}

/** Makes the calling side of a server's channel. Its clients live as long as the channel does. */
export function createCallbacks(channel: Channel, options: CallbacksOptions): Callbacks {
  return new ChannelCallbacks(channel, options);
}

class ChannelCallbacks implements Callbacks {
  readonly #channel: Channel;
  readonly #options: CallbacksOptions;
  readonly #calls: CallsInFlight;
  readonly #clients = new Map<ServiceDefinition, unknown>();
  readonly #connectivity = new Connectivity();
  #end: LinkEnd | undefined;
  #whenIdle: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(channel: Channel, options: CallbacksOptions) {
    this.#channel = channel;
    this.#connectivity.become('ready');
    this.#options = options;
    this.#calls = new CallsInFlight((busy) => {
      if (busy) return;
      this.#whenIdle?.resolve();
      this.#whenIdle = undefined;
    }, options.ids);
  }

  get idle(): Promise<void> | undefined {
    if (this.#calls.stats.inFlight === 0) return undefined;
    if (this.#whenIdle === undefined) {
      let resolve!: () => void;
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#whenIdle = { promise, resolve };
    }
    return this.#whenIdle.promise;
  }

  failAll(why: RpcError): void {
    this.#calls.failAll(({ stub }) => new RpcError(why.code, `${stub.path}: ${why.message}`, { reason: why.reason }));
  }

  client(service: ServiceDefinition, options: CallbackOptions | undefined): unknown {
    if (options !== undefined) return this.#make(service, options);
    const known = this.#clients.get(service) ?? this.#make(service, {});
    this.#clients.set(service, known);
    return known;
  }

  #make(service: ServiceDefinition, options: CallbackOptions): Client<ServiceDefinition> {
    const channel = this.#channel;
    const { remote, link } = channel;
    if (remote === undefined) throw noWayBack(service, channel);
    noteThread('calls');
    // There is no other channel for another attempt.
    const resolved = resolveClientOptions({ ...options, retry: false });
    const spoken = this.#options.speak(service);
    const methods = stubMethods(spoken, resolved);
    const methodIds = bindMethods(methods, remote, link.peer.address, 'client');
    this.#listen();
    const open: OpenChannel = { channel, methodIds, oneWay: false, used: true };
    const calls = this.#calls;
    const way = this.#way(open);
    const own = { ...resolved, interceptors: [...this.#options.interceptors(service), ...resolved.interceptors] };
    const invoke = intercepted(
      'async',
      own,
      unintercepted(new AsyncCaller(way, calls, own), calls, () => undefined),
    );
    // The channel is the client's, who closes it: here it is only borrowed.
    const close = async (): Promise<void> => {
      const mine = new Set(methods);
      calls.failAll(
        ({ stub }) => new RpcError('CANCELLED', `${stub.path}: the client was closed`, { reason: Reason.CLOSED }),
        ({ stub }) => mine.has(stub),
      );
    };
    return Object.assign(stubObject(methods, 'duplex', invoke), {
      $channel: Object.assign(clientChannel(way, calls, 'duplex'), {
        allocate: async (bytes: number) => channel.loans.allocate(bytes),
      }),
      $close: close,
      [Symbol.asyncDispose]: close,
    }) as unknown as Client<ServiceDefinition>;
  }

  /** From now on replies come, too: what a peer sent that called nobody was no reply. */
  #listen(): void {
    const channel = this.#channel;
    channel.replies ??= {
      onReply: (envelope, span) => this.#calls.onReply(envelope, span),
      onEnd: (end) => {
        this.#end = end;
        this.#connectivity.become('closed');
        this.#calls.failOn(channel, end);
      },
    };
  }

  /** There is this one channel, and never another. */
  #way(open: OpenChannel): Way {
    const { link, life } = this.#channel;
    const ended = (): LinkEnd | undefined => this.#end;
    const there = async (): Promise<OpenChannel> => {
      const end = ended() ?? link.end;
      if (end !== undefined) throw end.error;
      return open;
    };
    const mute = (): void => undefined;
    return {
      connectivity: this.#connectivity,
      life,
      get peer() {
        return ended() === undefined ? link.peer : undefined;
      },
      get lastEnd() {
        return ended();
      },
      addresses: [],
      places: [],
      pick: () => (ended() === undefined ? open : undefined),
      open: there,
      openWaiting: there,
      openSync: () => open,
      look: mute,
      retire: mute,
      keepAlive: mute,
      close: async () => undefined,
      closeSync: mute,
    };
  }
}

function noWayBack(service: ServiceDefinition, { link }: Channel): RpcError {
  const why =
    link.direction === 'duplex'
      ? 'the two sides of its channel do not greet each other, so that nobody could say what he offers (capability greeting)'
      : 'its channel only receives, and nothing can be sent back (capability directions)';
  const words = `${service.typeName}: the client at ${link.peer.address} can't be called: ${why}`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
