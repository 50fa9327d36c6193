import type { Callbacks, Channel, ChannelLife, PeerDeathListener } from '../channel/index.js';
import type { CallbackOptions, Client } from '../client/index.js';
import type { ServiceDefinition } from '../codec/contract.js';
import { Reason, RpcError } from '../errors/index.js';
import type { Peer } from '../transport/contract.js';

/** A connection, as the handlers of what came over it see it. It may carry many calls, before and after this one. */
export interface PeerChannel extends ChannelLife {
  readonly peer: Peer;
  /**
   * A stub for a service that the client offers over this connection (`offers` of `createClient`): it may be kept and
   * called for as long as the connection lives. Its `$close` ends its calls, and leaves the connection to the client.
   * Without options, every request for a service gives the same one. A call of what the client does not offer fails with
   * UNIMPLEMENTED. Throws FAILED_PRECONDITION (UNSUPPORTED) where nothing can come back, or nobody can say what he
   * offers; it names the capability.
   */
  client<S extends ServiceDefinition>(service: S, options?: CallbackOptions): Client<S>;
}

/** `callbacks`: makes the calling side when it is first needed; absent where this side calls by other means. */
export function peerChannel({ link, life }: Channel, callbacks: (() => Callbacks) | undefined): PeerChannel {
  return Object.freeze({
    get peer() {
      return link.peer;
    },
    get closed() {
      return life.closed;
    },
    onPeerDeath: (listener: PeerDeathListener) => life.onPeerDeath(listener),
    client<S extends ServiceDefinition>(service: S, options?: CallbackOptions): Client<S> {
      if (callbacks === undefined) throw callsAnyway(service, link.peer.address);
      return callbacks().client(service, options) as Client<S>;
    },
  });
}

function callsAnyway({ typeName }: ServiceDefinition, address: string): RpcError {
  const words = `${typeName}: the side that opened the channel to ${address} calls over it by the client that it has made`;
  return new RpcError('FAILED_PRECONDITION', words, { reason: Reason.UNSUPPORTED });
}
